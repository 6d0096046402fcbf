package deploy

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// parseYAML reads one YAML document by the rules of YAML 1.2's core schema, whatever the library takes plain text for: yes
// and no are strings, and so is a date. A key that stands twice is an error. An empty document is nil.
func parseYAML(data []byte) (any, error) {
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, errors.New(strings.TrimSpace(yaml.FormatError(err, false, false)))
	}
	var body ast.Node
	for _, doc := range file.Docs {
		if doc.Body == nil {
			continue
		}
		if body != nil {
			return nil, errors.New("there is more than one document in the file")
		}
		body = doc.Body
	}
	if body == nil {
		return nil, nil
	}
	d := yamlDecoder{anchors: map[string]any{}}
	return d.value(body)
}

// maxAliased is how many values aliases may stand for in one file.
const maxAliased = 100_000

type yamlDecoder struct {
	anchors map[string]any
	aliased int
}

func (d *yamlDecoder) value(node ast.Node) (any, error) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return d.mapping(n.Values)
	case *ast.MappingValueNode:
		return d.mapping([]*ast.MappingValueNode{n})
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			v, err := d.value(item)
			if err != nil {
				return nil, err
			}
			list[i] = v
		}
		return list, nil
	case *ast.LiteralNode:
		return n.Value.Value, nil
	case *ast.StringNode:
		if t := n.Token.Type; t == token.SingleQuoteType || t == token.DoubleQuoteType {
			return n.Value, nil
		}
		return plain(n.Value)
	case *ast.AnchorNode:
		v, err := d.value(n.Value)
		if err == nil {
			d.anchors[n.Name.GetToken().Value] = v
		}
		return v, err
	case *ast.AliasNode:
		return d.alias(n)
	case *ast.TagNode:
		return d.tagged(n)
	case *ast.NullNode:
		return nil, nil
	case *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return plain(node.GetToken().Value)
	}
	return nil, fmt.Errorf("line %d: %s is not understood here", node.GetToken().Position.Line, node.Type())
}

func (d *yamlDecoder) mapping(values []*ast.MappingValueNode) (any, error) {
	o := make(object, len(values))
	var merged []object
	for _, pair := range values {
		v, err := d.value(pair.Value)
		if err != nil {
			return nil, err
		}
		if pair.Key.Type() == ast.MergeKeyType {
			list, isList := v.([]any)
			if !isList {
				list = []any{v}
			}
			merged = append(merged, objects(list)...)
			continue
		}
		key, err := keyText(pair.Key)
		if err != nil {
			return nil, err
		}
		if _, twice := o[key]; twice {
			return nil, fmt.Errorf("line %d: the key %q stands twice", pair.Key.GetToken().Position.Line, key)
		}
		o[key] = v
	}
	for _, m := range merged { // what the mapping says itself wins, then the first that is merged
		for k, v := range m {
			if _, own := o[k]; !own {
				o[k] = v
			}
		}
	}
	return o, nil
}

func keyText(node ast.MapKeyNode) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.NullNode, *ast.BoolNode, *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, nil
	}
	return "", fmt.Errorf("line %d: a key must be plain text", node.GetToken().Position.Line)
}

func (d *yamlDecoder) alias(n *ast.AliasNode) (any, error) {
	name := n.Value.GetToken().Value
	v, ok := d.anchors[name]
	if !ok {
		return nil, fmt.Errorf("line %d: there is no anchor &%s before its alias", n.GetToken().Position.Line, name)
	}
	if d.aliased += size(v); d.aliased > maxAliased {
		return nil, fmt.Errorf("line %d: the aliases of the file stand for too much", n.GetToken().Position.Line)
	}
	return clone(v), nil
}

// size counts the values in a value.
func size(v any) int {
	n := 1
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			n += size(item)
		}
	case object:
		for _, item := range v {
			n += size(item)
		}
	}
	return n
}

func (d *yamlDecoder) tagged(n *ast.TagNode) (any, error) {
	switch tag := n.Start.Value; tag {
	case "!!str":
		if s, ok := n.Value.(ast.ScalarNode); ok {
			if str, ok := n.Value.(*ast.StringNode); ok {
				return str.Value, nil
			}
			return s.GetToken().Value, nil
		}
		return nil, fmt.Errorf("line %d: !!str stands before text only", n.GetToken().Position.Line)
	case "!!map", "!!seq", "!!int", "!!float", "!!bool", "!!null":
		return d.value(n.Value)
	default:
		return nil, fmt.Errorf("line %d: the tag %s is not understood", n.GetToken().Position.Line, tag)
	}
}

// The forms of plain text that are no strings (YAML 1.2.2, section 10.3.2).
var (
	yamlNull  = regexp.MustCompile(`^(null|Null|NULL|~|)$`)
	yamlTrue  = regexp.MustCompile(`^(true|True|TRUE)$`)
	yamlFalse = regexp.MustCompile(`^(false|False|FALSE)$`)
	yamlInt   = regexp.MustCompile(`^[-+]?[0-9]+$`)
	yamlBased = regexp.MustCompile(`^0(o[0-7]+|x[0-9a-fA-F]+)$`)
	yamlFloat = regexp.MustCompile(`^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)
	yamlOdd   = regexp.MustCompile(`^([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))$`)
)

// plain gives what unquoted text stands for.
func plain(s string) (any, error) {
	switch {
	case yamlNull.MatchString(s):
		return nil, nil
	case yamlTrue.MatchString(s):
		return true, nil
	case yamlFalse.MatchString(s):
		return false, nil
	case yamlInt.MatchString(s), yamlFloat.MatchString(s):
		return number(strings.TrimPrefix(s, "+")), nil
	case yamlBased.MatchString(s):
		i, err := strconv.ParseInt(s, 0, 64)
		if err != nil {
			return nil, fmt.Errorf("the number %s is too large", s)
		}
		return number(strconv.FormatInt(i, 10)), nil
	case yamlOdd.MatchString(s):
		return nil, fmt.Errorf("%s is no number that JSON has", s)
	}
	return s, nil
}
