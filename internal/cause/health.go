package cause

import (
	"fmt"
	"regexp"
	"strings"
)

// up is the beginning of such a line.
const up = `\b(?:listen(?:s|ing)?|serv(?:es|ing)|bound)\b[^\n]*?|\b(?:started|running|ready)\b[^\n,;]*?\b(?:on|at)\b[^\n,;]*?`

var (
	// listens is how applications tell that they are up: "listening on :3000", "Tomcat started on port(s): 8080 (http)",
	// "Uvicorn running on http://0.0.0.0:8000". A time of day is no port.
	listens  = regexp.MustCompile(`(?i)(?:` + up + `)(?:\bport(?:\(s\))?[ :="]*|\.\d{1,3}:|[a-z*\]]:|[\s"'(=]:)([1-9]\d{1,4})\b`)
	timedOut = regexp.MustCompile(`Target\.Timeout|Request timed out`)
	// loopback is an address on which nobody outside the task is heard.
	loopback = regexp.MustCompile(`(?i)(?:` + up + `)(?:127\.0\.0\.1|\[::1\]):`)
)

// port is the one that the load balancer asks: signals about targets are about ADDRESS:PORT, and ECS says "(port N)".
func port(signals []Signal) string {
	for _, s := range signals {
		if s.Origin == Target {
			return s.Resource[strings.LastIndex(s.Resource, ":")+1:]
		}
	}
	return group(regexp.MustCompile(`\(port (\d+)\)`), of(signals, Service))
}

// heard are the ports on which the log says that the application listens.
func heard(signals []Signal) []string {
	var ports []string
	for _, found := range listens.FindAllStringSubmatch(of(signals, Log), -1) {
		ports = append(ports, found[1])
	}
	return ports
}

// listensElsewhere says whether the log names other ports than the one that is asked, and not that one.
func listensElsewhere(signals []Signal, _ Signal) bool {
	ports := heard(signals)
	return len(ports) > 0 && port(signals) != "" && !contains(ports, port(signals))
}

// listensLate says whether the log tells that the application listens as it should: it did so too late, then.
func listensLate(signals []Signal, _ Signal) bool {
	return contains(heard(signals), port(signals)) && !loopback.MatchString(of(signals, Log))
}

func contains(list []string, one string) bool {
	for _, item := range list {
		if item == one {
			return true
		}
	}
	return false
}

func whichPort(signals []Signal, s Signal) string {
	asked := port(signals)
	switch {
	case loopback.MatchString(of(signals, Log)):
		return "the log says that the application listens on the loopback address alone"
	case listensElsewhere(signals, s):
		return fmt.Sprintf("health checks ask port %s, the log says that the application listens on %s", asked, strings.Join(heard(signals), ", "))
	case asked != "":
		return "health checks ask port " + asked
	}
	return ""
}
