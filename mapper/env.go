package mapper

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
)

// Limits of one expression, checked at load. The longest sensible rule is a few
// hundred characters; these stop what would only burn time.
const (
	maxRuleLength  = 4096
	maxRuleNesting = 40
	maxRuleNodes   = 2000
	// maxCost is the most that one evaluation may cost, in the units of CEL: about
	// one an operation. It is enforced on rules that loop or that may be costly, and
	// not on the others, because counting doubles their time.
	maxCost = 100_000
)

// A Compiler turns rules into mappings. It holds what all mappings share, so that a
// configuration with a thousand sites declares its functions once. It is safe for
// concurrent use.
type Compiler struct {
	env       *cel.Env
	variables map[string]*Variable
	functions map[string]*Function
}

// NewCompiler declares the variables and functions.
func NewCompiler() *Compiler {
	c := &Compiler{variables: map[string]*Variable{}, functions: map[string]*Function{}}
	registry, err := types.NewRegistry()
	if err != nil {
		panic(err) // the library's own types
	}
	fields := provider{Registry: registry, structs: map[string]map[string]*types.FieldType{}}
	opts := []cel.EnvOption{
		cel.CustomTypeProvider(fields),
		cel.CustomTypeAdapter(registry),
		ext.Strings(),
		cel.ParserExpressionSizeLimit(maxRuleLength),
		cel.ParserRecursionLimit(maxRuleNesting),
		cel.ExpressionNodeLimit(maxRuleNodes),
		cel.RegexProgramSizeLimit(1000),
		cel.EnableHiddenAccumulatorName(true),
	}
	for _, v := range Variables() {
		c.variables[v.Name] = &v
		opts = append(opts, cel.Variable(v.Name, v.typ))
		if len(v.Fields) > 0 {
			fields.structs[v.typ.TypeName()] = fieldTypes(v.Fields)
		}
	}
	for _, f := range Functions() {
		c.functions[f.Name] = &f
		if len(f.overloads) > 0 {
			opts = append(opts, cel.Function(f.Name, f.overloads...))
		}
	}
	c.env, err = cel.NewEnv(opts...)
	if err != nil {
		panic(err) // a mistake in our own declarations
	}
	return c
}

func fieldTypes(fields []Field) map[string]*types.FieldType {
	m := make(map[string]*types.FieldType, len(fields))
	for _, f := range fields {
		m[f.Name] = &types.FieldType{
			Type:    f.typ,
			IsSet:   f.isSet,
			GetFrom: func(view any) (any, error) { return f.get(view), nil },
		}
	}
	return m
}

// provider adds our types to the library's.
type provider struct {
	*types.Registry
	structs map[string]map[string]*types.FieldType
}

// FindStructType tells whether a type exists.
func (p provider) FindStructType(name string) (*types.Type, bool) {
	if _, ok := p.structs[name]; ok {
		return types.NewTypeTypeWithParam(types.NewObjectType(name)), true
	}
	return p.Registry.FindStructType(name)
}

// FindStructFieldNames lists the fields of a type.
func (p provider) FindStructFieldNames(name string) ([]string, bool) {
	fields, ok := p.structs[name]
	if !ok {
		return p.Registry.FindStructFieldNames(name)
	}
	names := make([]string, 0, len(fields))
	for n := range fields {
		names = append(names, n)
	}
	return names, true
}

// FindStructFieldType gives the type of a field, and how to get at it.
func (p provider) FindStructFieldType(name, field string) (*types.FieldType, bool) {
	fields, ok := p.structs[name]
	if !ok {
		return p.Registry.FindStructFieldType(name, field)
	}
	f, ok := fields[field]
	return f, ok
}

// NewValue refuses: rules read, they make no objects.
func (p provider) NewValue(string, map[string]ref.Val) ref.Val {
	return types.WrapErr(ruleError("a rule may not make objects"))
}
