package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"latchkey/internal/store/engine"
)

// conn is one connection with the statements it has compiled. It belongs to one goroutine at a time.
type conn struct {
	raw      driver.Conn
	compiled map[string]*statement
}

// mostCompiled bounds a connection's memory. The product has fewer statements; lists of many lengths could exceed it.
const mostCompiled = 256

// statement is a compiled statement. Row holds the values of the row being read.
type statement struct {
	stmt driver.Stmt
	args []driver.NamedValue
	row  row
}

func (c *conn) close() error {
	for _, s := range c.compiled {
		_ = s.stmt.Close()
	}
	return c.raw.Close()
}

func (c *conn) compile(sql string) (*statement, error) {
	if s, ok := c.compiled[sql]; ok {
		return s, nil
	}
	if len(c.compiled) >= mostCompiled {
		for text, s := range c.compiled {
			_ = s.stmt.Close()
			delete(c.compiled, text)
			break
		}
	}
	prepared, err := c.raw.Prepare(sql)
	if err != nil {
		return nil, err
	}
	s := &statement{stmt: prepared}
	c.compiled[sql] = s
	return s, nil
}

// run executes a statement to its end. With a context that never ends it is not interrupted: almost every statement of the
// product is short, and the driver would start a goroutine to watch for the interruption.
func (c *conn) run(ctx context.Context, s *engine.Statement) error {
	st, err := c.compile(s.SQL)
	if err != nil {
		return err
	}
	st.args = st.args[:0]
	for i, a := range s.Args {
		v, err := value(a)
		if err != nil {
			return fmt.Errorf("argument %d: %w", i+1, err)
		}
		st.args = append(st.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	defer clear(st.args)
	if s.Row != nil {
		return st.query(ctx, s)
	}
	result, err := st.stmt.(driver.StmtExecContext).ExecContext(ctx, st.args)
	if err != nil {
		return err
	}
	if s.Changed, err = result.RowsAffected(); err == nil && s.Changed == 0 {
		err = s.Missed
	}
	return err
}

// exec runs a statement without parameters and answer.
func (c *conn) exec(sql string) error {
	return c.run(context.Background(), &engine.Statement{SQL: sql})
}

func (st *statement) query(ctx context.Context, s *engine.Statement) (err error) {
	rows, err := st.stmt.(driver.StmtQueryContext).QueryContext(ctx, st.args)
	if err != nil {
		return err
	}
	defer func() {
		if e := rows.Close(); err == nil {
			err = e
		}
	}()
	if st.row == nil {
		st.row = make(row, len(rows.Columns()))
	}
	defer clear(st.row)
	s.Changed = 0
	for {
		if err := rows.Next(st.row); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err // the driver itself looks only until the first row
		}
		s.Changed++
		if err := s.Row(st.row); err != nil {
			return err
		}
	}
}

// value gives an argument the type that the driver binds.
func value(a any) (driver.Value, error) {
	switch a := a.(type) {
	case nil, string, int64, bool:
		return a, nil
	case []byte:
		if a == nil {
			return nil, nil
		}
		return a, nil
	case int:
		return int64(a), nil
	}
	return nil, fmt.Errorf("type %T cannot be stored", a)
}

// row is one row as the driver gives it.
type row []driver.Value

// Scan implements engine.Row.
func (r row) Scan(dest ...any) error {
	if len(dest) != len(r) {
		return fmt.Errorf("scan a row of %d columns into %d variables", len(r), len(dest))
	}
	for i, d := range dest {
		if err := assign(d, r[i]); err != nil {
			return fmt.Errorf("scan column %d: %w", i+1, err)
		}
	}
	return nil
}

func assign(dest any, v driver.Value) error {
	switch d := dest.(type) {
	case *string:
		if s, ok := v.(string); ok {
			*d = s
			return nil
		}
	case *[]byte:
		switch v := v.(type) {
		case nil:
			*d = nil
			return nil
		case []byte:
			*d = v
			return nil
		}
	case *int64:
		if n, ok := v.(int64); ok {
			*d = n
			return nil
		}
	case *int:
		if n, ok := v.(int64); ok {
			*d = int(n)
			return nil
		}
	case *bool:
		if n, ok := v.(int64); ok {
			*d = n != 0
			return nil
		}
	case **string:
		return nullable(d, v)
	case **int64:
		return nullable(d, v)
	case **int:
		return nullable(d, v)
	case **bool:
		return nullable(d, v)
	}
	return fmt.Errorf("a %T does not fit a %T", v, dest)
}

func nullable[T any](dest **T, v driver.Value) error {
	if v == nil {
		*dest = nil
		return nil
	}
	*dest = new(T)
	return assign(*dest, v)
}
