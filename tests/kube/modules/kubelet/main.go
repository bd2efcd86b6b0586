// Serves what a kubelet does of port-forwarding, by the library that kubelets have it from:
//
//	kubelet ADDRESS CERTIFICATE KEY CLIENTS-CA SOCKET
//
// The API server, which shows a certificate of CLIENTS-CA, asks over TLS at ADDRESS. Pods are reached
// by the Unix socket: a line with the pod (namespace/name) and the port goes there, a line comes back
// that is "ok" or why not, and then the bytes of the connection.
package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/portforward"
)

const (
	idle     = 4 * time.Hour    // as kubelets have it
	creation = 30 * time.Second // as kubelets have it
	grace    = time.Second      // for the other direction, once one has ended
)

type pods struct{ socket string }

// PortForward leads a stream to a port of a pod, until one of both ends.
func (p pods) PortForward(ctx context.Context, pod, _ string, port int32, stream io.ReadWriteCloser) error {
	defer stream.Close()
	conn, err := net.Dial("unix", p.socket)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := fmt.Fprintf(conn, "%s %d\n", pod, port); err != nil {
		return err
	}
	from := bufio.NewReader(conn)
	said, err := from.ReadString('\n')
	if err != nil {
		return err
	}
	if said = strings.TrimSpace(said); said != "ok" {
		return errors.New(said)
	}
	ended := make(chan error, 2)
	go func() {
		_, err := io.Copy(stream, from)
		ended <- err
	}()
	go func() {
		_, err := io.Copy(conn, stream)
		ended <- err
	}()
	select {
	case err = <-ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ended:
	case <-time.After(grace):
	}
	return err
}

func (p pods) serve(w http.ResponseWriter, r *http.Request) {
	options, err := portforward.NewV4Options(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	pod := r.PathValue("namespace") + "/" + r.PathValue("pod")
	portforward.ServePortForward(
		w, r, p, pod, "", options, idle, creation, portforward.SupportedProtocols)
}

func main() {
	if len(os.Args) != 6 {
		log.Fatal("kubelet ADDRESS CERTIFICATE KEY CLIENTS-CA SOCKET")
	}
	address, certificate, key, authority, socket := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]
	pem, err := os.ReadFile(authority)
	if err != nil {
		log.Fatal(err)
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(pem) {
		log.Fatalf("no certificate in %s", authority)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/portForward/{namespace}/{pod}", pods{socket}.serve)
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	server := &http.Server{
		Addr:    address,
		Handler: mux,
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequireAndVerifyClientCert,
			ClientCAs:  clients,
			NextProtos: []string{"http/1.1"}, // what is upgraded is HTTP/1.1
		},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
	}
	log.Fatal(server.ListenAndServeTLS(certificate, key))
}
