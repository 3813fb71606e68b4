package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"simscim/config"
	"simscim/connector"
	"simscim/connector/schedule"
	"simscim/connector/schedule/local"
)

// The example configuration must be one that simscim takes, rules included.
func TestExampleConfiguration(t *testing.T) {
	t.Parallel()
	cfg, problems := config.Load("base/simscim.yaml")
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	if _, problems := connector.Compile(cfg); len(problems) > 0 {
		t.Fatal(problems)
	}
	if cfg.Run.Listen != "0.0.0.0:8080" {
		t.Errorf("listens on %s: probes from outside the pod would not reach it", cfg.Run.Listen)
	}
}

func TestManifestsAreYAML(t *testing.T) {
	t.Parallel()
	n := 0
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".yaml" {
			return err
		}
		n++
		read(t, path, &map[string]any{})
		return nil
	})
	if err != nil || n < 8 {
		t.Errorf("read %d manifests: %v", n, err)
	}
}

type podSpec struct {
	TerminationGracePeriodSeconds int `yaml:"terminationGracePeriodSeconds"`
	Containers                    []struct {
		SecurityContext struct {
			ReadOnlyRootFilesystem bool `yaml:"readOnlyRootFilesystem"`
		} `yaml:"securityContext"`
	} `yaml:"containers"`
	SecurityContext struct {
		RunAsNonRoot bool `yaml:"runAsNonRoot"`
	} `yaml:"securityContext"`
}

// A pod is killed only after simscim had the time that it gives to runs under way.
func TestPodsWaitLongerThanSimscim(t *testing.T) {
	t.Parallel()
	var daemon struct {
		Spec struct {
			Template struct{ Spec podSpec }
		}
	}
	read(t, "daemon/deployment.yaml", &daemon)
	var job struct {
		Spec struct {
			Schedule, TimeZone string
			JobTemplate        struct {
				Spec struct {
					Template struct{ Spec podSpec }
				}
			} `yaml:"jobTemplate"`
		}
	}
	read(t, "job/cronjob.yaml", &job)
	for name, spec := range map[string]podSpec{"daemon": daemon.Spec.Template.Spec, "job": job.Spec.JobTemplate.Spec.Template.Spec} {
		if got := time.Duration(spec.TerminationGracePeriodSeconds) * time.Second; got < local.DefaultGrace+30*time.Second {
			t.Errorf("%s: killed after %s", name, got)
		}
		if len(spec.Containers) != 1 || !spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem || !spec.SecurityContext.RunAsNonRoot {
			t.Errorf("%s: not locked down: %+v", name, spec)
		}
	}
	if _, err := schedule.Parse(job.Spec.Schedule, time.UTC); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, path string, into any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(b, into); err != nil {
		t.Errorf("%s: %s", path, yaml.FormatError(err, false, false))
	}
}
