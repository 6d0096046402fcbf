package apischema

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Error is why a value was refused. Its text is what the Management API prints
// after the prefix that names the part:
//
//	'Expected type string but found type integer' on property options.email.subject (Subject line of the mail).
type Error struct {
	Reason string
	// Property is the path of the refused value, such as "groups[0].email";
	// empty for the whole.
	Property string
	// Description says what the property is, where that helps.
	Description string
}

func (e *Error) Error() string {
	switch {
	case e.Property == "":
		return fmt.Sprintf("'%s'.", e.Reason)
	case e.Description == "":
		return fmt.Sprintf("'%s' on property %s.", e.Reason, e.Property)
	default:
		return fmt.Sprintf("'%s' on property %s (%s).", e.Reason, e.Property, e.Description)
	}
}

// fault is one thing wrong at one place.
type fault struct {
	at   []string
	kind jsonschema.ErrorKind
	rank rank
}

// rank orders the faults of one place as the service's validator meets them.
type rank int

const (
	ofType rank = iota
	ofValue
	ofFormat
	ofMembers
	ofRequired
	ofSize
	ofPattern
	ofRest
)

// faults lists what is wrong in the order it was found. Of alternatives that
// all failed, only the faults of the nearest are listed.
func faults(e *jsonschema.ValidationError) []fault {
	switch e.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		return nearest(e)
	}
	if len(e.Causes) > 0 {
		var all []fault
		for _, cause := range e.Causes {
			all = append(all, faults(cause)...)
		}
		return all
	}
	return []fault{{at: e.InstanceLocation, kind: e.ErrorKind, rank: rankOf(e.ErrorKind)}}
}

func rankOf(k jsonschema.ErrorKind) rank {
	switch k.(type) {
	case *kind.Type:
		return ofType
	case *kind.Const, *kind.Enum:
		return ofValue
	case *kind.Format:
		return ofFormat
	case *kind.AdditionalProperties:
		return ofMembers
	case *kind.Required:
		return ofRequired
	case *kind.MinLength, *kind.MaxLength, *kind.MinItems, *kind.MaxItems, *kind.MinProperties, *kind.MaxProperties,
		*kind.Minimum, *kind.Maximum, *kind.ExclusiveMinimum, *kind.ExclusiveMaximum, *kind.MultipleOf, *kind.UniqueItems:
		return ofSize
	case *kind.Pattern:
		return ofPattern
	default:
		return ofRest
	}
}

// branch is one alternative that failed, and how far it is from what was given.
type branch struct {
	faults []fault
	// want are the types it asks for where the value is of another.
	want []string
	// mismatched are the faults of fixed values directly inside, such as the
	// type of a log stream, by which alternatives tell themselves apart.
	mismatched []fault
	// extra counts the members that it does not know.
	extra int
}

// nearest chooses among alternatives the one the caller most likely meant: not
// one of another type, then the one whose fixed values are those given, then
// the one that knows the members given, then the one with the fewest faults,
// then the first. Where all are of another type, their types are told together;
// where a fixed value rules out all, that value is told alone.
func nearest(e *jsonschema.ValidationError) []fault {
	var branches []branch
	for _, cause := range e.Causes {
		branches = append(branches, judge(faults(cause), len(e.InstanceLocation)))
	}
	best := slices.MinFunc(branches, func(a, b branch) int {
		return cmp.Or(
			cmp.Compare(number(a.want != nil), number(b.want != nil)),
			cmp.Compare(len(a.mismatched), len(b.mismatched)),
			cmp.Compare(a.extra, b.extra),
			cmp.Compare(len(a.faults), len(b.faults)),
		)
	})
	switch {
	case best.want != nil:
		return []fault{mistyped(e.InstanceLocation, branches)}
	case len(best.mismatched) > 0:
		return best.mismatched
	default:
		return best.faults
	}
}

// judge measures an alternative at a depth.
func judge(all []fault, depth int) branch {
	b := branch{faults: all}
	for _, f := range all {
		switch k := f.kind.(type) {
		case *kind.Type:
			if len(f.at) == depth {
				b.want = k.Want
			}
		case *kind.Const, *kind.Enum:
			if len(f.at) == depth+1 {
				b.mismatched = append(b.mismatched, f)
			}
		case *kind.AdditionalProperties:
			if len(f.at) == depth {
				b.extra += len(k.Properties)
			}
		}
	}
	return b
}

// mistyped is the fault of a value that is of none of the types that the
// alternatives ask for.
func mistyped(at []string, branches []branch) fault {
	t := &kind.Type{}
	for _, b := range branches {
		for _, f := range b.faults {
			if found, ok := f.kind.(*kind.Type); ok && len(f.at) == len(at) {
				t.Got = found.Got
			}
		}
		for _, w := range b.want {
			if !slices.Contains(t.Want, w) {
				t.Want = append(t.Want, w)
			}
		}
	}
	return fault{at: at, kind: t, rank: ofType}
}

func number(b bool) int {
	if b {
		return 1
	}
	return 0
}

// first returns the fault that is told: the outermost and leftmost, by the
// names of properties and the places in lists.
func first(all []fault, v any, part string) *Error {
	f := slices.MinFunc(all, func(a, b fault) int {
		return cmp.Or(
			slices.CompareFunc(a.at, b.at, comparePlace),
			cmp.Compare(a.rank, b.rank),
			cmp.Compare(reason(a.kind, nil), reason(b.kind, nil)),
		)
	})
	property, value := locate(v, f.at)
	return &Error{Reason: reason(f.kind, value), Property: property, Description: describe(part, property)}
}

func comparePlace(a, b string) int {
	m, err1 := strconv.Atoi(a)
	n, err2 := strconv.Atoi(b)
	if err1 == nil && err2 == nil {
		return cmp.Compare(m, n)
	}
	return strings.Compare(a, b)
}

// locate writes a place as "groups[0].email" and returns what is there.
func locate(v any, at []string) (string, any) {
	var b strings.Builder
	for _, step := range at {
		switch container := v.(type) {
		case []any:
			b.WriteString("[" + step + "]")
			if i, err := strconv.Atoi(step); err == nil && i < len(container) {
				v = container[i]
			}
		case object:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(step)
			v = container[step]
		}
	}
	return b.String(), v
}

// reason says what is wrong in the words of the service's validator, which are
// those of the JavaScript library z-schema.
func reason(k jsonschema.ErrorKind, v any) string {
	switch k := k.(type) {
	case *kind.Type:
		return fmt.Sprintf("Expected type %s but found type %s", strings.Join(inOrder(k.Want), ","), typeName(k.Got, v))
	case *kind.Enum:
		return "No enum match for: " + quoted(k.Got)
	case *kind.Const:
		return "No enum match for: " + quoted(k.Got)
	case *kind.Format:
		return fmt.Sprintf("Object didn't pass validation for format %s: %v", k.Want, k.Got)
	case *kind.AdditionalProperties:
		return extraMembers + strings.Join(slices.Sorted(slices.Values(k.Properties)), ",")
	case *kind.Required:
		return "Missing required property: " + k.Missing[0]
	case *kind.MinLength:
		return fmt.Sprintf("String is too short (%d chars), minimum %d", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("String is too long (%d chars), maximum %d", k.Got, k.Want)
	case *kind.Pattern:
		return "String does not match pattern " + k.Want
	case *kind.Minimum:
		return fmt.Sprintf("Value %s is less than minimum %s", decimal(k.Got), decimal(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("Value %s is greater than maximum %s", decimal(k.Got), decimal(k.Want))
	case *kind.ExclusiveMinimum:
		return fmt.Sprintf("Value %s is equal or less than exclusive minimum %s", decimal(k.Got), decimal(k.Want))
	case *kind.ExclusiveMaximum:
		return fmt.Sprintf("Value %s is equal or greater than exclusive maximum %s", decimal(k.Got), decimal(k.Want))
	case *kind.MultipleOf:
		return fmt.Sprintf("Value %s is not a multiple of %s", decimal(k.Got), decimal(k.Want))
	case *kind.MinItems:
		return fmt.Sprintf("Array is too short (%d), minimum %d", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("Array is too long (%d), maximum %d", k.Got, k.Want)
	case *kind.UniqueItems:
		return fmt.Sprintf("Array items are not unique (indexes %d and %d)", k.Duplicates[0], k.Duplicates[1])
	case *kind.MinProperties:
		return fmt.Sprintf("Too few properties defined (%d), minimum %d", k.Got, k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("Too many properties defined (%d), maximum %d", k.Got, k.Want)
	case *kind.Not:
		return "Data matches schema from \"not\""
	default:
		return "Data does not match the schema"
	}
}

const extraMembers = "Additional properties not allowed: "

// inOrder puts "null" last, where the documents have it.
func inOrder(types []string) []string {
	ordered := slices.Clone(types)
	slices.SortStableFunc(ordered, func(a, b string) int {
		return cmp.Compare(number(a == "null"), number(b == "null"))
	})
	return ordered
}

// typeName is the type of a value: whole numbers are integers.
func typeName(got string, v any) string {
	if n, ok := v.(float64); ok && n == math.Trunc(n) {
		return "integer"
	}
	return got
}

func quoted(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'f', -1, 64)
}
