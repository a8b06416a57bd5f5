package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// shells have each the text that completes the scripts' arguments. The command is called as it stands in the clone, since
// nobody has it on the PATH; it says itself what fits (cobra's __complete), a line each, description behind a tab, and last a
// line that begins with a colon.
var shells = map[string]string{
	"bash": `_slipway() {
  local name=${COMP_WORDS[0]##*/} line
  COMPREPLY=()
  while IFS= read -r line; do
    [[ $line == :* ]] || COMPREPLY+=("${line%%$'\t'*}")
  done < <(COMMAND __complete "${name%.sh}" "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _slipway SCRIPTS
`,
	"zsh": `_slipway() {
  local name=${words[1]:t:r} line
  local -a found
  while IFS= read -r line; do
    [[ $line == :* ]] || found+=("${line%%$'\t'*}")
  done < <(COMMAND __complete "$name" "${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _slipway SCRIPTS
`,
	"fish": `function __slipway
  set -l words (commandline -opc) (commandline -ct)
  set -l name (string replace -r '\.sh$' '' (basename $words[1]))
  COMMAND __complete $name $words[2..-1] 2>/dev/null | string match -rv '^:'
end
for script in SCRIPTS
  complete -c $script -f -a '(__slipway)'
end
`,
}

func (a *app) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish",
		Short: "Print what completes the scripts' flags and environments in a shell",
		Long: `Prints a few lines for the shell's own start-up file, or for now: they complete the arguments of all scripts of this clone.

Exit codes: 0 they were printed; 2 the command line cannot be meant.`,
		Example:   `  eval "$(./scripts/completion.sh bash)"`,
		ValidArgs: []string{"bash", "zsh", "fish"},
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 || shells[args[0]] == "" {
				return takes(c, args, "one shell (bash, zsh or fish)")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			quotedSelf := "'" + strings.ReplaceAll(self, "'", `'\''`) + "'"
			var scripts []string
			for _, other := range c.Root().Commands() {
				if other.IsAvailableCommand() && other.Name() != "help" {
					scripts = append(scripts, other.Name()+".sh")
				}
			}
			_, err = fmt.Fprint(a.out, strings.NewReplacer("COMMAND", quotedSelf, "SCRIPTS", strings.Join(scripts, " ")).Replace(shells[args[0]]))
			return err
		},
	}
}

// completeEnvironments lets every command's --environment be completed with those of slipway.yaml.
func completeEnvironments(commands []*cobra.Command) {
	for _, c := range commands {
		if c.Flags().Lookup("environment") == nil {
			continue
		}
		// It fails for a flag that is not there, or twice for one.
		_ = c.RegisterFlagCompletionFunc("environment", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			_, cfg, err := project()
			if err != nil {
				return nil, cobra.ShellCompDirectiveError
			}
			return names(cfg), cobra.ShellCompDirectiveNoFileComp
		})
	}
}
