// Command floor is what no generator can go below: a process that starts and writes as many files as gen does.
package main

import "os"

func main() {
	text := make([]byte, 10_000)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		if os.WriteFile(name, text, 0o644) != nil {
			os.Exit(1)
		}
	}
}
