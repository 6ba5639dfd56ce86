// Calls a gRPC server of its own again and again, with the JWT that a file holds: `grpcjwt FILE`. The server has an API
// judge what it got.
package main

import (
	"context"
	"crypto/x509"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/jwt"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

func main() {
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	interval, err := time.ParseDuration(os.Getenv("INTERVAL") + "s")
	if err != nil {
		return err
	}
	// Of which only the certificate is wanted.
	web := httptest.NewTLSServer(nil)
	defer web.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.Creds(credentials.NewServerTLSFromCert(&web.TLS.Certificates[0])),
		grpc.UnaryInterceptor(judge),
	)
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)

	authorities := x509.NewCertPool()
	authorities.AddCert(web.Certificate())
	token, err := jwt.NewTokenFileCallCredentials(os.Args[1])
	if err != nil {
		return err
	}
	connection, err := grpc.NewClient(
		listener.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(authorities, "")),
		grpc.WithPerRPCCredentials(token),
	)
	if err != nil {
		return err
	}
	client := grpc_health_v1.NewHealthClient(connection)
	for ; ; time.Sleep(interval) {
		if _, err := client.Check(context.Background(), &grpc_health_v1.HealthCheckRequest{}); err != nil {
			log.Print("the call failed: ", err)
		}
	}
}

func judge(ctx context.Context, asked any, _ *grpc.UnaryServerInfo, answer grpc.UnaryHandler) (any, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("API_URL"), nil)
	if err != nil {
		return nil, err
	}
	request.Header["Authorization"] = metadata.ValueFromIncomingContext(ctx, "authorization")
	judged, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer judged.Body.Close()
	if judged.StatusCode != http.StatusOK {
		return nil, status.Error(codes.Unauthenticated, judged.Status)
	}
	return answer(ctx, asked)
}
