// Command httpserver names what is in images that are posted to it:
//
//	go run ./examples/httpserver -model cspresnet50_3rdparty_8xb32_in1k
//	curl --data-binary @bird.jpg 'localhost:8080/predict?top=3'
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"time"

	"github.com/gozoo/zoo"
	"github.com/gozoo/zoo/model"
)

func main() {
	name := flag.String("model", "cspresnet-nano_digits", "registry name")
	address := flag.String("address", "localhost:8080", "where to listen")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	m, err := zoo.Open(ctx, *name)
	if err == nil {
		err = m.Warm(ctx) // the first request need not wait for it
	}
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: *address, Handler: handler(m), ReadTimeout: time.Minute}
	context.AfterFunc(ctx, func() { server.Shutdown(context.Background()) })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
	m.Close()
}

// handler answers POST /predict. Requests beyond those that may compute wait in the order
// they came, until their client has gone or five seconds have passed.
func handler(m *model.Model) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		k, _ := strconv.Atoi(cmp.Or(r.URL.Query().Get("top"), "5"))
		top, err := m.Top(ctx, k, model.Encoded(http.MaxBytesReader(w, r.Body, 20<<20)))
		switch {
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, model.ErrClosed):
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		case err != nil: // no image, or none that can be decoded
			http.Error(w, err.Error(), http.StatusBadRequest)
		default:
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(top[0])
		}
	})
	return mux
}
