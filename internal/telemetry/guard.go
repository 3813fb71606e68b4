package telemetry

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// hidden stands where a value was.
const hidden = "<hidden>"

// Guard wraps a core so that nothing sensitive reaches it: fields with a telling name
// lose their value, strings lose what looks like an address, a credential or a query,
// and values that could only be written by reflection are not written at all.
func Guard(core zapcore.Core) zapcore.Core { return &guard{Core: core} }

type guard struct{ zapcore.Core }

func (g *guard) With(fields []zapcore.Field) zapcore.Core {
	return &guard{Core: g.Core.With(clean(fields))}
}

func (g *guard) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if g.Enabled(e.Level) {
		return ce.AddCore(e, g)
	}
	return ce
}

func (g *guard) Write(e zapcore.Entry, fields []zapcore.Field) error {
	e.Message, e.LoggerName = scrub(e.Message), scrub(e.LoggerName)
	return g.Core.Write(e, clean(fields))
}

// clean returns the fields as they may be written. The slice given is the caller's.
func clean(fields []zapcore.Field) []zapcore.Field {
	out := make([]zapcore.Field, 0, len(fields))
	for _, f := range fields {
		out = append(out, cleanField(f)...)
	}
	return out
}

func cleanField(f zapcore.Field) []zapcore.Field {
	f.Key = scrub(f.Key)
	switch {
	case f.Type == zapcore.SkipType:
		return nil
	case f.Type == zapcore.InlineMarshalerType:
		// An inlined object has no name of its own: its fields have.
		return cleanInline(f)
	case telling(f.Key):
		return []zapcore.Field{zap.String(f.Key, hidden)}
	}
	switch f.Type {
	case zapcore.StringType:
		f.String = scrub(f.String)
		return []zapcore.Field{f}
	case zapcore.BinaryType, zapcore.ByteStringType:
		b, _ := f.Interface.([]byte)
		return []zapcore.Field{zap.String(f.Key, fmt.Sprintf("<%d bytes>", len(b)))}
	case zapcore.ReflectType:
		return []zapcore.Field{cleanReflected(f)}
	case zapcore.ErrorType, zapcore.StringerType:
		return []zapcore.Field{cleanText(f)}
	case zapcore.ObjectMarshalerType, zapcore.ArrayMarshalerType:
		return []zapcore.Field{cleanObject(f)}
	default:
		// Numbers, booleans, times, durations and namespaces.
		return []zapcore.Field{f}
	}
}

// cleanReflected keeps nothing of a value but its type.
func cleanReflected(f zapcore.Field) zapcore.Field {
	if f.Interface == nil {
		return f
	}
	return zap.String(f.Key, fmt.Sprintf("<%T>", f.Interface))
}

// cleanText turns an error or a Stringer into its text. zap adds a verbose twin to some
// errors, which is left out. The encoder is asked so that zap's guard against nil
// receivers holds.
func cleanText(f zapcore.Field) zapcore.Field {
	enc := zapcore.NewMapObjectEncoder()
	f.AddTo(enc)
	text, ok := enc.Fields[f.Key].(string)
	if !ok {
		return zap.String(f.Key, hidden)
	}
	return zap.String(f.Key, scrub(text))
}

// cleanObject writes an object or an array into maps and slices, and cleans these.
func cleanObject(f zapcore.Field) zapcore.Field {
	enc := zapcore.NewMapObjectEncoder()
	f.AddTo(enc)
	v, ok := enc.Fields[f.Key]
	if !ok {
		return zap.String(f.Key, hidden)
	}
	return zap.Reflect(f.Key, cleanValue(v))
}

// cleanInline does the same for an object without a name, in the order of its fields'.
func cleanInline(f zapcore.Field) []zapcore.Field {
	enc := zapcore.NewMapObjectEncoder()
	f.AddTo(enc)
	values := cleanMap(enc.Fields)
	fields := make([]zapcore.Field, 0, len(values))
	for _, k := range slices.Sorted(maps.Keys(values)) {
		fields = append(fields, zap.Reflect(k, values[k]))
	}
	return fields
}

func cleanMap(m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		if telling(k) {
			out[k] = hidden
			continue
		}
		out[scrub(k)] = cleanValue(v)
	}
	return out
}

func cleanValue(v any) any {
	switch v := v.(type) {
	case nil, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, uintptr, float32, float64:
		return v
	case string:
		return scrub(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case time.Duration:
		return v.String()
	case map[string]any:
		return cleanMap(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cleanValue(v[i])
		}
		return out
	default:
		return fmt.Sprintf("<%T>", v)
	}
}
