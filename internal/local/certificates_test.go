package local

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
)

// TestCertificates has a name certified, which then verifies for that name and no other, and stays as it is.
func TestCertificates(t *testing.T) {
	dir := folder(t.TempDir())
	if err := newAuthority(dir.certificates()); err != nil {
		t.Fatal(err)
	}
	e := &Engine{root: dir}
	if err := e.Certify("shop.example.com"); err != nil {
		t.Fatal(err)
	}
	roots, err := e.RootCAs()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file, name string
		valid      bool
	}{
		{"shop.example.com", "shop.example.com", true},
		{"shop.example.com", "other.example.com", false},
		{"localhost", "localhost", true},
		{"localhost", "127.0.0.1", true},
		{"localhost", "shop.example.com", false},
	} {
		path := filepath.Join(dir.certificates(), tt.file+".pem")
		pair, err := tls.LoadX509KeyPair(path, path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: tt.name}); (err == nil) != tt.valid {
			t.Errorf("%s for %s: %v", tt.file, tt.name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s, which holds a key, is %v, %v", path, info.Mode(), err)
		}
	}
	path := filepath.Join(dir.certificates(), "shop.example.com.pem")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Certify("shop.example.com"); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("a second call made another certificate: %v", err)
	}
}
