package local

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// certificateAge is how long certificates are valid; they go with the engine that they were made for.
const certificateAge = 365 * 24 * time.Hour

// authorityFile is the authority's name in its folder.
const authorityFile = "ca.pem"

// authority is the certificate authority of one engine. Nothing but its own load balancers' certificates comes of it.
type authority struct {
	folder string
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
}

// newAuthority makes an authority in a folder, and the certificate for localhost.
func newAuthority(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of the local engine's certificates: %w", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make the local engine's certificate authority: %w", err)
	}
	a := &authority{folder: folder, key: key}
	a.cert = &x509.Certificate{
		Subject: pkix.Name{CommonName: "slipway local engine"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	return errors.Join(a.issue("ca", a.cert, key), a.certify("localhost"))
}

// readAuthority reads what newAuthority has made.
func readAuthority(folder string) (*authority, error) {
	text, err := os.ReadFile(filepath.Join(folder, authorityFile))
	if err != nil {
		return nil, fmt.Errorf("read the local engine's certificate authority: %w", err)
	}
	certificate, rest := pem.Decode(text)
	private, _ := pem.Decode(rest)
	if certificate == nil || private == nil {
		return nil, fmt.Errorf("read the local engine's certificate authority: %s/ca.pem is cut short", folder)
	}
	cert, err := x509.ParseCertificate(certificate.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the local engine's certificate authority: %w", err)
	}
	key, err := x509.ParseECPrivateKey(private.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the key of the local engine's certificate authority: %w", err)
	}
	return &authority{folder: folder, key: key, cert: cert}, nil
}

// certify makes the certificate of a host name; one that is there already stays.
func (a *authority) certify(name string) error {
	if _, err := os.Stat(filepath.Join(a.folder, name+".pem")); err == nil {
		return nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	leaf := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if name == "localhost" {
		leaf.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	return a.issue(name, leaf, key)
}

// issue signs a certificate and writes it with its key.
func (a *authority) issue(name string, cert *x509.Certificate, key *ecdsa.PrivateKey) error {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	// An hour back, should a clock of a virtual machine be late.
	cert.SerialNumber, cert.NotBefore, cert.NotAfter = serial, time.Now().Add(-time.Hour), time.Now().Add(certificateAge)
	signed, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("make a certificate for %s: %w", name, err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})...)
	if err := writeFile(filepath.Join(a.folder, name+".pem"), text); err != nil {
		return fmt.Errorf("write the certificate for %s: %w", name, err)
	}
	return nil
}

// Certify lets the engine's load balancers answer for these host names over TLS, with certificates that chain to
// RootCAs. For any other name they show the certificate of localhost.
func (e *Engine) Certify(names ...string) error {
	a, err := readAuthority(e.root.certificates())
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := a.certify(name); err != nil {
			return err
		}
	}
	return nil
}

// RootCAs holds the authority that signed the certificates of this engine's load balancers, and no other.
func (e *Engine) RootCAs() (*x509.CertPool, error) {
	return RootCAs(filepath.Join(e.root.certificates(), authorityFile))
}

// RootCAs reads the authority from its file, whose name builds of the engine find in contract.VarLocalCA.
func RootCAs(file string) (*x509.CertPool, error) {
	a, err := readAuthority(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool, nil
}
