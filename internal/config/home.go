package config

// IsPipelineHome says whether the delivery pipeline lives in this environment's root stack.
func (c Config) IsPipelineHome(e Environment) bool { return e.Name == c.Pipeline.Environment }

// PipelineHome is the environment whose root stack holds the delivery pipeline.
func (c Config) PipelineHome() Environment {
	for _, e := range c.Environments {
		if c.IsPipelineHome(e) {
			return e
		}
	}
	return Environment{}
}

// File is the one file that a user edits, at the repository's root.
const File = "slipway.yaml"
