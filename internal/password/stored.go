package password

import (
	"crypto/pbkdf2"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	argon2d "github.com/go-crypt/x/argon2"
	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

// scheme is a hash that was read from its text.
type scheme interface {
	// text is the one form in which the hash is stored.
	text() string
	// cost is how many bytes of memory it takes to verify a password.
	cost() int64
	matches(password string) bool
}

// What an imported hash may cost. Verifying is work that strangers can ask for.
const (
	mostMemory     = 256 << 20
	mostPasses     = 32
	mostLanes      = 16
	mostIterations = 5_000_000
	mostBcryptCost = 16
	mostKey        = 512
)

// parse reads a stored hash. Its errors name what is wrong with the text and show nothing of it.
func parse(stored string) (scheme, error) {
	kind, _, _ := strings.Cut(strings.TrimPrefix(stored, "$"), "$")
	switch {
	case !strings.HasPrefix(stored, "$"):
		return nil, errors.New("not in PHC string format")
	case slices.Contains([]string{"argon2id", "argon2i", "argon2d"}, kind):
		return parseArgon2(stored)
	case slices.Contains([]string{"2a", "2b", "2y"}, kind):
		return parseBcrypt(stored)
	case strings.HasPrefix(kind, "pbkdf2-"):
		return parsePBKDF2(stored)
	case kind == "scrypt":
		return parseScrypt(stored)
	case kind == "latchkey":
		return parseForeign(stored)
	}
	return nil, errors.New("the hash has a prefix that is not supported")
}

// phc is the text $id$v=19$a=1,b=2$salt$hash, with and without the version.
type phc struct {
	id         string
	version    string
	parameters map[string]int
	salt, hash []byte
}

func parsePHC(text string) (p phc, err error) {
	parts := strings.Split(text, "$")[1:]
	p.id = parts[0]
	parts = parts[1:]
	if len(parts) > 0 && strings.HasPrefix(parts[0], "v=") {
		p.version, parts = parts[0][2:], parts[1:]
	}
	p.parameters = map[string]int{}
	if len(parts) == 3 {
		for pair := range strings.SplitSeq(parts[0], ",") {
			name, value, _ := strings.Cut(pair, "=")
			n, err := strconv.Atoi(value)
			if err != nil || n < 0 {
				return p, fmt.Errorf("parameter %q is no number", name)
			}
			if _, twice := p.parameters[name]; twice {
				return p, fmt.Errorf("parameter %q is given twice", name)
			}
			p.parameters[name] = n
		}
		parts = parts[1:]
	}
	if len(parts) != 2 {
		return p, errors.New("not in PHC string format: parameters, salt and hash are needed")
	}
	if p.salt, err = base64.RawStdEncoding.DecodeString(parts[0]); err != nil {
		return p, errors.New("the salt is not base64 without padding")
	}
	if p.hash, err = base64.RawStdEncoding.DecodeString(parts[1]); err != nil || len(p.hash) == 0 || len(p.hash) > mostKey {
		return p, errors.New("the hash is not base64 without padding")
	}
	return p, nil
}

// only reports an error that names a parameter which is none of those given, or is out of its bounds.
func (p phc) only(bounds map[string][2]int) error {
	for name, n := range p.parameters {
		b, known := bounds[name]
		if !known {
			return fmt.Errorf("parameter %q is not supported", name)
		}
		if n < b[0] || n > b[1] {
			return fmt.Errorf("parameter %q must be between %d and %d", name, b[0], b[1])
		}
	}
	return nil
}

func (p phc) or(name string, otherwise int) int {
	if n, given := p.parameters[name]; given {
		return n
	}
	return otherwise
}

func b64(b []byte) string { return base64.RawStdEncoding.EncodeToString(b) }

func same(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

type argonHash struct {
	variant        string
	memory, passes uint32 // memory in KiB
	lanes          uint8
	salt, key      []byte
}

func parseArgon2(text string) (scheme, error) {
	p, err := parsePHC(text)
	if err != nil {
		return nil, err
	}
	if p.version != strconv.Itoa(argon2.Version) {
		return nil, fmt.Errorf("argon2 must be of version v=%d", argon2.Version)
	}
	if err := p.only(map[string][2]int{"m": {8, mostMemory >> 10}, "t": {1, mostPasses}, "p": {1, mostLanes}}); err != nil {
		return nil, err
	}
	if len(p.parameters) != 3 {
		return nil, errors.New("argon2 needs the parameters m, t and p")
	}
	return argonHash{
		variant: p.id, salt: p.salt, key: p.hash,
		memory: uint32(p.parameters["m"]), passes: uint32(p.parameters["t"]), lanes: uint8(p.parameters["p"]), //nolint:gosec // bounded above
	}, nil
}

func (a argonHash) text() string {
	return fmt.Sprintf("$%s$v=%d$m=%d,t=%d,p=%d$%s$%s", a.variant, argon2.Version, a.memory, a.passes, a.lanes, b64(a.salt), b64(a.key))
}

func (a argonHash) cost() int64 { return int64(a.memory) << 10 }

func (a argonHash) matches(password string) bool {
	typed, length := []byte(password), uint32(len(a.key)) //nolint:gosec // bounded when it was read
	switch a.variant {
	case "argon2i":
		return same(argon2.Key(typed, a.salt, a.passes, a.memory, a.lanes, length), a.key)
	case "argon2d":
		return same(argon2d.DKey(typed, a.salt, a.passes, a.memory, uint32(a.lanes), length), a.key)
	default:
		return same(argon2.IDKey(typed, a.salt, a.passes, a.memory, a.lanes, length), a.key)
	}
}

type bcryptHash string

func parseBcrypt(text string) (scheme, error) {
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || len(text) != 60 {
		return nil, errors.New("not a bcrypt hash")
	}
	if cost > mostBcryptCost {
		return nil, fmt.Errorf("the bcrypt cost must not be above %d", mostBcryptCost)
	}
	return bcryptHash(text), nil
}

func (b bcryptHash) text() string { return string(b) }

func (b bcryptHash) cost() int64 { return leastMemory }

func (b bcryptHash) matches(password string) bool {
	return len(password) <= maxLength && bcrypt.CompareHashAndPassword([]byte(b), []byte(password)) == nil
}

type pbkdf2Hash struct {
	digest     string
	iterations int
	salt, key  []byte
}

// What PBKDF2 in PHC form means where it does not say (Auth0 docs, "Bulk User Import Database Schema").
const (
	pbkdf2Iterations = 100_000
	pbkdf2Length     = 64
)

func parsePBKDF2(text string) (scheme, error) {
	p, err := parsePHC(text)
	if err != nil {
		return nil, err
	}
	if err := p.only(map[string][2]int{"i": {1, mostIterations}, "l": {1, mostKey}}); err != nil {
		return nil, err
	}
	digest, known := opensslDigest(strings.TrimPrefix(p.id, "pbkdf2-"))
	switch {
	case !known:
		return nil, errors.New("the pbkdf2 digest is not supported")
	case p.or("l", pbkdf2Length) != len(p.hash):
		return nil, errors.New("the hash is not as long as parameter l says")
	}
	return pbkdf2Hash{digest: digest, iterations: p.or("i", pbkdf2Iterations), salt: p.salt, key: p.hash}, nil
}

func (h pbkdf2Hash) text() string {
	return fmt.Sprintf("$pbkdf2-%s$i=%d,l=%d$%s$%s", h.digest, h.iterations, len(h.key), b64(h.salt), b64(h.key))
}

func (h pbkdf2Hash) cost() int64 { return leastMemory }

func (h pbkdf2Hash) matches(password string) bool {
	key, err := pbkdf2.Key(digests[h.digest], password, h.salt, h.iterations, len(h.key))
	return err == nil && same(key, h.key)
}

type scryptHash struct {
	logN, r, p int
	salt, key  []byte
}

func parseScrypt(text string) (scheme, error) {
	p, err := parsePHC(text)
	if err != nil {
		return nil, err
	}
	if err := p.only(map[string][2]int{"ln": {1, 40}, "r": {1, 1 << 10}, "p": {1, mostLanes}}); err != nil {
		return nil, err
	}
	if len(p.parameters) != 3 {
		return nil, errors.New("scrypt needs the parameters ln, r and p")
	}
	return newScrypt(1<<p.parameters["ln"], p.parameters["r"], p.parameters["p"], p.salt, p.hash)
}

func newScrypt(n, r, p int, salt, key []byte) (scheme, error) {
	switch {
	case n < 2 || bits.OnesCount(uint(n)) != 1: //nolint:gosec // above one
		return nil, errors.New("cost must be a power of two greater than one")
	case r < 1 || p < 1 || p > mostLanes:
		return nil, fmt.Errorf("blockSize must be positive, parallelization between 1 and %d", mostLanes)
	case r > mostMemory/128 || n > mostMemory/128/r:
		return nil, fmt.Errorf("cost and blockSize ask for more than %d MiB", mostMemory>>20)
	}
	return scryptHash{logN: bits.Len(uint(n)) - 1, r: r, p: p, salt: salt, key: key}, nil //nolint:gosec // above one
}

func (h scryptHash) text() string {
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", h.logN, h.r, h.p, b64(h.salt), b64(h.key))
}

func (h scryptHash) cost() int64 { return int64(128*h.r) << h.logN }

func (h scryptHash) matches(password string) bool {
	key, err := scrypt.Key([]byte(password), h.salt, 1<<h.logN, h.r, h.p, len(h.key))
	return err == nil && same(key, h.key)
}
