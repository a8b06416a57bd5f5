// Command peer answers GET /time as plainly as it can be done, with gorilla/mux or with net/http's own ServeMux: what is
// left of the service without log, metrics, recovery, content negotiation, limits and trace.
package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/gorilla/mux"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "peer: usage: peer mux|servemux ADDRESS")
		os.Exit(1)
	}
	var handler http.Handler
	switch os.Args[1] {
	case "mux":
		router := mux.NewRouter()
		router.HandleFunc("/", handleHome).Methods(http.MethodGet)
		router.HandleFunc("/time", handleTime).Methods(http.MethodGet)
		handler = router
	default:
		router := http.NewServeMux()
		router.HandleFunc("GET /{$}", handleHome)
		router.HandleFunc("GET /time", handleTime)
		handler = router
	}
	fmt.Fprintln(os.Stderr, "peer:", http.ListenAndServe(os.Args[2], handler)) // #nosec G114 -- measured on one machine, as most write it
	os.Exit(1)
}

func handleHome(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintln(w, "peer")
}

func handleTime(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(struct {
		Message   string `json:"message"`
		Timestamp int64  `json:"timestamp"`
	}{"Automation for the People", time.Now().Unix()})
}
