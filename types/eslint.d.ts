// The one name of ESLint's types that toml-eslint-parser's declarations mention. ESLint itself is no dependency of ours,
// and declarations of packages are checked like our own.

declare module 'eslint' {
  export namespace SourceCode {
    type VisitorKeys = Readonly<Record<string, readonly string[]>>;
  }
}
