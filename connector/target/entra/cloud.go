package entra

import (
	"fmt"
	"strings"

	"simscim/config"
)

// hosts are where one of Microsoft's clouds signs in and where its Graph stands. Tokens
// are for that Graph alone.
type hosts struct{ login, graph string }

func cloudOf(cfg *config.Target) (hosts, error) {
	switch cfg.Cloud {
	case "global", "":
		return hosts{"https://login.microsoftonline.com", "https://graph.microsoft.com"}, nil
	case "usgov":
		return hosts{"https://login.microsoftonline.us", "https://graph.microsoft.us"}, nil
	case "usgov-dod":
		return hosts{"https://login.microsoftonline.us", "https://dod-graph.microsoft.us"}, nil
	case "china":
		return hosts{"https://login.partner.microsoftonline.cn", "https://microsoftgraph.chinacloudapi.cn"}, nil
	case "custom":
		return hosts{strings.TrimRight(cfg.Login, "/"), strings.TrimRight(cfg.Graph, "/")}, nil
	default:
		return hosts{}, fmt.Errorf("cloud: there is none named %q", cfg.Cloud)
	}
}
