// Package promises holds the product to the pages that it set out from: "Passwordless Connections", "Implement Passwordless
// Authentication" and "Passwordless with Universal Login" of Auth0's documentation. Each row of a table, each item of a list
// and each step of a walk-through there is a test here whose name is the row's own text, proven by HTTP against a whole
// server.
//
// Where a page admits a limitation, the test proves that it is lifted, or that it is documented as one of ours.
package promises
