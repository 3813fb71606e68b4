package config

import _ "embed"

//go:embed template.yaml
var template []byte

// Template returns the commented configuration that a new user starts from. It is
// made for the sandbox and has no problems.
func Template() []byte { return append([]byte(nil), template...) }
