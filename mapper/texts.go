package mapper

import (
	"reflect"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// texts is a CEL map in which what is missing is the empty string, so that no rule
// fails for a person who lacks an id. It has no Find, and so is not a traits.Mapper:
// CEL would take has(m.x) and m.x for the same question and answer one of them wrong.
type texts map[string]string

var (
	_ traits.Indexer     = texts(nil)
	_ traits.FieldTester = texts(nil)
	_ traits.Container   = texts(nil)
	_ traits.Iterable    = texts(nil)
	_ traits.Sizer       = texts(nil)
)

// Get returns the text under key, or an empty one.
func (m texts) Get(key ref.Val) ref.Val {
	s, ok := key.(types.String)
	if !ok {
		return types.WrapErr(ruleError("a map was asked for a key that is not text"))
	}
	return types.String(m[string(s)])
}

// IsSet answers has(m.key).
func (m texts) IsSet(key ref.Val) ref.Val {
	s, _ := key.(types.String)
	return types.Bool(m[string(s)] != "")
}

// Contains answers key in m.
func (m texts) Contains(key ref.Val) ref.Val { return m.IsSet(key) }

// Iterator goes over the keys.
func (m texts) Iterator() traits.Iterator { return m.mapper().Iterator() }

// Size counts the keys.
func (m texts) Size() ref.Val { return types.Int(len(m)) }

// ConvertToNative converts as a plain CEL map does.
func (m texts) ConvertToNative(t reflect.Type) (any, error) { return m.mapper().ConvertToNative(t) }

// ConvertToType converts as a plain CEL map does.
func (m texts) ConvertToType(t ref.Type) ref.Val { return m.mapper().ConvertToType(t) }

// Equal compares as a plain CEL map does.
func (m texts) Equal(other ref.Val) ref.Val {
	if o, ok := other.(texts); ok {
		other = o.mapper()
	}
	return m.mapper().Equal(other)
}

// Type is the type of CEL maps.
func (m texts) Type() ref.Type { return types.MapType }

// Value is the map itself.
func (m texts) Value() any { return map[string]string(m) }

func (m texts) mapper() traits.Mapper {
	return types.NewStringStringMap(types.DefaultTypeAdapter, m)
}
