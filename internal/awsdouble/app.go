package awsdouble

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// Task is a running task of a service, as the application behind the load balancer knows it.
type Task struct {
	ID, Hostname   string
	TaskDefinition string // ARN
	Image          string // of its first container
	Service        string // name
}

// AppHandler answers a request that the load balancer sent to a task.
type AppHandler func(w http.ResponseWriter, r *http.Request, task Task)

// ServeApp sets what the tasks answer, in place of the application that the templates deploy: GET / the task's
// hostname, GET /time the message with the time.
func (d *Double) ServeApp(app AppHandler) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.app = app
}

// served is what the tasks answer.
func (d *Double) served() AppHandler {
	if d.app == nil {
		return DefaultApp
	}
	return d.app
}

// DefaultApp is the application that the templates deploy.
func DefaultApp(w http.ResponseWriter, r *http.Request, task Task) {
	switch r.URL.Path {
	case "/":
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = fmt.Fprintln(w, task.Hostname)
	case "/time":
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"message": "Automation for the People", "timestamp": time.Now().Unix()})
	case "/healthz":
		w.WriteHeader(http.StatusOK)
	default:
		http.NotFound(w, r)
	}
}

// startApp opens a load balancer's listeners, all on one port of loopback, and returns its host and port, which is the DNS
// name. Where there is an HTTPS listener, what comes in plain is redirected.
func (d *Double) startApp(balancer *thing) string {
	turns := map[string]int{} // by path: two requests a visit would otherwise always meet the same two tasks
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		tasks, app, redirects := d.behind(balancer), d.served(), r.TLS == nil && d.certificateOf(balancer) != nil
		if !redirects {
			turns[r.URL.Path]++
		}
		turn := turns[r.URL.Path]
		d.mu.Unlock()
		if redirects {
			http.Redirect(w, r, "https://"+r.Host+":443"+r.URL.RequestURI(), http.StatusMovedPermanently) // #nosec G710 -- as the load balancer does
			return
		}
		if len(tasks) == 0 {
			http.Error(w, "503 Service Temporarily Unavailable", http.StatusServiceUnavailable)
			return
		}
		app(w, r, tasks[turn%len(tasks)])
	}))
	server.Listener = listenBoth(server.Listener, func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		return d.shownCertificate(balancer)
	})
	server.Start()
	balancer.server = server
	d.apps = append(d.apps, server)
	return strings.TrimPrefix(server.URL, "http://")
}

// direct is where a task is reached itself: on loopback, where it is, at a port of its own that is opened the first time.
func (d *Double) direct(s *service, t *task) (host string, port int) {
	if !d.beside {
		return t.ip, 8080
	}
	if t.server == nil {
		seen := d.seen(s, t)
		t.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			d.mu.Lock()
			app := d.served()
			d.mu.Unlock()
			app(w, r, seen)
		}))
		d.apps = append(d.apps, t.server)
	}
	at := t.server.Listener.Addr().(*net.TCPAddr)
	return at.IP.String(), at.Port
}

func (d *Double) stopApp(balancer *thing) error {
	d.ops.Go(balancer.server.Close) // which waits for requests, and those may wait for the lock
	return nil
}

func (d *Double) closeApps() {
	for _, server := range d.apps {
		server.Close()
	}
}

// behind lists the running tasks that a load balancer sends requests to.
func (d *Double) behind(balancer *thing) []Task {
	groups := d.groupsOf(balancer)
	var tasks []Task
	for _, t := range d.existing("AWS::ECS::Service") {
		if t.service == nil || !d.uses(t, groups) {
			continue
		}
		for _, one := range t.service.running() {
			tasks = append(tasks, d.seen(t.service, one))
		}
	}
	return tasks
}

// seen is a task as the application knows it.
func (d *Double) seen(s *service, t *task) Task {
	return Task{t.id, t.hostname(), t.definition, d.imageOf(t), s.name}
}

func (d *Double) uses(service *thing, groups map[string]bool) bool {
	for _, b := range objects(service.Properties, "LoadBalancers") {
		if groups[text(b, "TargetGroupArn")] {
			return true
		}
	}
	return false
}

// groupsOf are the target groups that a load balancer's listeners and rules forward to.
func (d *Double) groupsOf(balancer *thing) map[string]bool {
	groups, listeners := map[string]bool{}, map[string]bool{}
	add := func(actions []object) {
		for _, a := range actions {
			groups[text(a, "TargetGroupArn")] = true
			for _, g := range objects(sub(a, "ForwardConfig"), "TargetGroups") {
				groups[text(g, "TargetGroupArn")] = true
			}
		}
	}
	for _, t := range d.existing("AWS::ElasticLoadBalancingV2::Listener") {
		if text(t.Properties, "LoadBalancerArn") == balancer.ID {
			listeners[t.ID] = true
			add(objects(t.Properties, "DefaultActions"))
		}
	}
	for _, t := range d.existing("AWS::ElasticLoadBalancingV2::ListenerRule") {
		if listeners[text(t.Properties, "ListenerArn")] {
			add(objects(t.Properties, "Actions"))
		}
	}
	delete(groups, "")
	return groups
}
