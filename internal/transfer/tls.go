package transfer

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"
)

// isTLS reports whether an error is of a certificate, or of a server that does not
// speak TLS: asking again changes neither.
func isTLS(err error) bool {
	var (
		certificate *tls.CertificateVerificationError
		authority   x509.UnknownAuthorityError
		hostname    x509.HostnameError
		invalid     x509.CertificateInvalidError
		record      tls.RecordHeaderError
		alert       tls.AlertError
	)
	return errors.As(err, &certificate) || errors.As(err, &authority) || errors.As(err, &hostname) ||
		errors.As(err, &invalid) || errors.As(err, &record) || errors.As(err, &alert)
}

// rootsVariable names a file of certificates that Go's TLS trusts instead of the system's.
const rootsVariable = "SSL_CERT_FILE"

// tlsHint returns what to do about an error of a certificate; empty for others.
func tlsHint(err error) string {
	var invalid x509.CertificateInvalidError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var hostname x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && invalid.Cert != nil:
		const day = "2006-01-02"
		return fmt.Sprintf("the certificate holds from %s to %s, and this machine's clock says %s: set the clock if it is wrong",
			invalid.Cert.NotBefore.UTC().Format(day), invalid.Cert.NotAfter.UTC().Format(day), time.Now().UTC().Format(day+" 15:04 UTC"))
	case !errors.As(err, &certificate) && !errors.As(err, &authority) && !errors.As(err, &hostname) && !errors.As(err, &invalid):
		return ""
	}
	if path := os.Getenv(rootsVariable); path != "" {
		if _, err := os.Stat(path); err != nil {
			return fmt.Sprintf("%s names %q, which cannot be read", rootsVariable, path)
		}
		return fmt.Sprintf("%s names %q: it has to hold the root certificate of the server, or of the proxy that inspects TLS", rootsVariable, path)
	}
	return "where a proxy inspects TLS, set " + rootsVariable + " to a PEM file with its root certificate"
}
