package telemetry

import (
	"fmt"
	"io"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// Format is how log lines are written.
type Format string

// The formats.
const (
	JSON    Format = "json"
	Console Format = "console"
)

// New makes a logger of lines at or above level ("debug", "info", "warn", "error"),
// written to w, which is stderr in the product: stdout is for results.
func New(level string, w io.Writer, format Format) (*zap.Logger, error) {
	at, err := zapcore.ParseLevel(level)
	if err != nil || at > zapcore.ErrorLevel {
		return nil, fmt.Errorf("make logger: level %q is none of debug, info, warn and error", level)
	}
	conf := zap.NewProductionEncoderConfig()
	conf.TimeKey = "time"
	conf.EncodeTime = zapcore.RFC3339NanoTimeEncoder
	conf.EncodeDuration = zapcore.StringDurationEncoder
	var enc zapcore.Encoder
	switch format {
	case JSON:
		enc = zapcore.NewJSONEncoder(conf)
	case Console:
		conf.EncodeTime = zapcore.TimeEncoderOfLayout("15:04:05.000")
		conf.EncodeLevel = zapcore.CapitalLevelEncoder
		enc = zapcore.NewConsoleEncoder(conf)
	default:
		return nil, fmt.Errorf("make logger: format %q is neither json nor console", format)
	}
	core := Guard(zapcore.NewCore(enc, zapcore.Lock(zapcore.AddSync(w)), at))
	// What zap itself has to complain about goes to the same place.
	return zap.New(core, zap.ErrorOutput(zapcore.Lock(zapcore.AddSync(w)))), nil
}
