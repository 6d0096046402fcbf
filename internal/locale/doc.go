// Package locale holds the words of the product: which languages there are, which one a person gets, and the texts of
// pages and messages in it.
//
// Texts are filed as Auth0's custom-text API files them: by prompt, screen and key, per language. Pages use Auth0's
// own prompts and keys where Auth0 has them; keys of our own stand beside them. The texts of messages stand under the
// prompt "messages". What a tenant has written itself (Custom) goes before the built-in text of the same language.
//
// A key that a language lacks is looked for along its Chain and ends at English; the Text says in which language it was
// found, so that a page can mark it (WCAG 2.2, 3.1.2). Catalogues are embedded and parsed at first use, one by one, so
// that a start pays for none of them.
//
// Languages and the order of the choice: Auth0, "Universal Login Internationalization"; RFC 4647 section 3.4 (lookup);
// RFC 9110 section 12.5.4 (Accept-Language); plural categories: Unicode CLDR.
package locale
