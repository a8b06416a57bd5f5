package awsdouble

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"time"
)

// authority signs what a double's load balancers show.
type authority struct {
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
}

func newAuthority() (*authority, error) {
	a := &authority{cert: &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}}
	signed, err := a.sign(a.cert)
	if err != nil {
		return nil, err
	}
	a.cert, err = x509.ParseCertificate(signed.Certificate[0])
	return a, err
}

// sign makes a certificate with the authority's key, which is its own first.
func (a *authority) sign(cert *x509.Certificate) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if a.key == nil {
		a.key = key
	}
	cert.SerialNumber, cert.NotBefore, cert.NotAfter = big.NewInt(time.Now().UnixNano()), time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, cert, a.cert, &key.PublicKey, a.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// RootCAs holds the authority of the certificates that load balancers show: for the names of the certificate that their
// HTTPS listener has, each time as they then are.
func (d *Double) RootCAs() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(d.authority.cert)
	return pool
}

// certificateOf is what the HTTPS listener of a load balancer names, or nil where it has none.
func (d *Double) certificateOf(balancer *thing) *thing {
	for _, t := range d.existing(balancing + "Listener") {
		if text(t.Properties, "LoadBalancerArn") != balancer.ID || text(t.Properties, "Protocol") != "HTTPS" {
			continue
		}
		for _, c := range objects(t.Properties, "Certificates") {
			return d.thing(certificateType, text(c, "CertificateArn"))
		}
	}
	return nil
}

func (d *Double) shownCertificate(balancer *thing) (*tls.Certificate, error) {
	t := d.certificateOf(balancer)
	if t == nil {
		return nil, errors.New("the load balancer has no HTTPS listener")
	}
	return d.authority.sign(&x509.Certificate{DNSNames: certificateNames(t), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

// bothListener gives TLS connections to who speaks TLS, and plain ones to all others: one port stands for two listeners.
type bothListener struct {
	net.Listener
	config *tls.Config
	ready  chan net.Conn
	ended  chan struct{}
}

func listenBoth(on net.Listener, certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) net.Listener {
	l := &bothListener{on, &tls.Config{GetCertificate: certificate, MinVersion: tls.VersionTLS12}, make(chan net.Conn), make(chan struct{})}
	go l.sort()
	return l
}

func (l *bothListener) sort() {
	defer close(l.ended)
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return // it is closed
		}
		go func() {
			seen := &seenConn{c, bufio.NewReader(c)}
			first, err := seen.ahead.Peek(1)
			switch {
			case err != nil:
				_ = c.Close()
			case first[0] == tlsHandshake:
				l.give(tls.Server(seen, l.config))
			default:
				l.give(seen)
			}
		}()
	}
}

const tlsHandshake = 22 // the type of a record, its first byte (RFC 8446, 5.1)

func (l *bothListener) give(c net.Conn) {
	select {
	case l.ready <- c:
	case <-l.ended:
		_ = c.Close()
	}
}

func (l *bothListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.ready:
		return c, nil
	case <-l.ended:
		return nil, net.ErrClosed
	}
}

// seenConn is a connection whose first byte was looked at.
type seenConn struct {
	net.Conn
	ahead *bufio.Reader
}

func (c *seenConn) Read(p []byte) (int, error) { return c.ahead.Read(p) }
