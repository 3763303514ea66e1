// Reads a TypeScript file as facts that rules about the code's shape can be asked of. Knows the language, not the rules.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseAst } from 'rolldown/parseAst';

export interface Import {
  /** Path from the repository's root for a relative import, the specifier as written for any other. */
  readonly target: string;
  readonly line: number;
  readonly isTypeOnly: boolean;
  /** `export * from`. */
  readonly isWholesale: boolean;
  readonly names: readonly string[];
}

export interface Use {
  /** `process.env`, `Date.now`, `new Date()`, `setTimeout()` … */
  readonly what: string;
  readonly line: number;
}

export interface FunctionShape {
  readonly line: number;
  /** Without the lines of the functions inside it: a factory of small functions is not long. */
  readonly lines: number;
}

export interface Source {
  readonly path: string;
  readonly imports: readonly Import[];
  readonly uses: readonly Use[];
  readonly functions: readonly FunctionShape[];
  /** Lines of `//` comment that the file begins with, after a `#!` line. */
  readonly headLines: number;
  readonly lines: number;
}

interface Span {
  readonly line: number;
  readonly end: number;
}

type AstNode = { readonly type: string; readonly start: number; readonly end: number } & Readonly<Record<string, unknown>>;

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

export function readSources(root: string, folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => join(folder, path))
    .toSorted()
    .map((path) => parseSource(path, readFileSync(join(root, path), 'utf8')));
}

export function parseSource(path: string, text: string): Source {
  const lineOf = (offset: number): number => text.slice(0, offset).split('\n').length;
  const imports: Import[] = [];
  const uses: Use[] = [];
  const spans: Span[] = [];
  walk(parseAst(text, { lang: 'ts' }), (node) => {
    const line = lineOf(node.start);
    const specifier = specifierOf(node);
    if (specifier !== undefined) imports.push(importOf(path, node, specifier, line));
    const what = useOf(node);
    if (what !== undefined) uses.push({ what, line });
    if (FUNCTIONS.has(node.type)) spans.push({ line, end: lineOf(node.end) });
  });
  const lines = text.trimEnd().split('\n');
  const body = lines[0]?.startsWith('#!') ? lines.slice(1) : lines;
  const headEnd = body.findIndex((line) => !line.startsWith('//'));
  return {
    path,
    imports,
    uses,
    functions: spans.map((span) => ownLines(span, spans)),
    headLines: headEnd < 0 ? body.length : headEnd,
    lines: lines.length,
  };
}

function ownLines(span: Span, all: readonly Span[]): FunctionShape {
  const inside = all.filter((other) => other !== span && other.line > span.line && other.end <= span.end);
  const outermost = inside.filter(
    (one) =>
      !inside.some(
        (other) => other !== one && other.line <= one.line && other.end >= one.end && other.end - other.line > one.end - one.line,
      ),
  );
  const taken = new Set(outermost.flatMap((one) => Array.from({ length: one.end - one.line - 1 }, (_, index) => one.line + 1 + index)));
  return { line: span.line, lines: span.end - span.line + 1 - taken.size };
}

function importOf(path: string, node: AstNode, specifier: string, line: number): Import {
  const isRelative = specifier.startsWith('.');
  const specifiers = Array.isArray(node.specifiers) ? node.specifiers.filter(isNode) : [];
  const isMarked = node.importKind === 'type' || node.exportKind === 'type';
  return {
    target: isRelative ? normalize(join(dirname(path), specifier)) : specifier,
    line,
    isTypeOnly: isMarked || node.type === 'TSImportType' || (specifiers.length > 0 && specifiers.every((one) => one.importKind === 'type')),
    isWholesale: node.type === 'ExportAllDeclaration',
    names: specifiers.map((one) => nameOf(one.imported) ?? ''),
  };
}

/** The module named by a static import, a re-export, a dynamic import of a literal, or a type query such as `import('./x.ts').X`. */
function specifierOf(node: AstNode): string | undefined {
  const isNaming = ['ImportDeclaration', 'ExportAllDeclaration', 'ExportNamedDeclaration', 'ImportExpression', 'TSImportType'].includes(
    node.type,
  );
  const source = isNaming ? node.source : undefined;
  return isNode(source) && typeof source.value === 'string' ? source.value : undefined;
}

function useOf(node: AstNode): string | undefined {
  const callee = nameOf(node.callee);
  if (node.type === 'MemberExpression' && node.computed !== true) {
    const object = nameOf(node.object);
    const property = nameOf(node.property);
    return object === undefined || property === undefined ? undefined : `${object}.${property}`;
  }
  if (node.type === 'NewExpression' && callee === 'Date' && Array.isArray(node.arguments) && node.arguments.length === 0)
    return 'new Date()';
  return node.type === 'CallExpression' && callee !== undefined ? `${callee}()` : undefined;
}

function nameOf(value: unknown): string | undefined {
  return isNode(value) && value.type === 'Identifier' && typeof value.name === 'string' ? value.name : undefined;
}

function walk(value: unknown, visit: (node: AstNode) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  if (!isNode(value)) return;
  visit(value);
  for (const child of Object.values(value)) if (typeof child === 'object') walk(child, visit);
}

function isNode(value: unknown): value is AstNode {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string' && 'start' in value;
}
