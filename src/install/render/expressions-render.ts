// What stands between {{ and }} in a value: a fact by its path, or one of a few helpers. Handlebars' grammar, read and worked out here: no
// code is made of it, nothing can be called, and a fact that is missing is said by its name. Pure.

import Handlebars from 'handlebars';
import { near } from '../../config/index.ts';
import { messageOf } from '../../lib/index.ts';
import type { JsonObject, JsonValue } from '../../nodes/index.ts';

/** Undefined: the key is to be left out. */
export type Rendered = { readonly value: JsonValue | undefined } | { readonly fault: ExpressionFault };

export interface ExpressionFault {
  readonly message: string;
  readonly fix: string;
}

class Unrendered extends Error {
  readonly fix: string;

  constructor(message: string, fix: string) {
    super(message);
    this.fix = fix;
  }
}

type Value = JsonValue | undefined;

/** More than any value of an answer needs; a hostile one shall not keep the process. */
const MAX_SOURCE = 16 * 1024;
const MAX_RESULT = 64 * 1024;

/** A text that is one expression and nothing else keeps the type of what it gives; any other is a text. */
export function renderText(source: string, facts: JsonObject): Rendered {
  if (!source.includes('{{')) return { value: source };
  try {
    return { value: render(source, facts) };
  } catch (thrown) {
    if (thrown instanceof Unrendered) return { fault: { message: thrown.message, fix: thrown.fix } };
    throw thrown;
  }
}

function render(source: string, facts: JsonObject): Value {
  if (source.length > MAX_SOURCE)
    throw new Unrendered(`a text with expressions has at most ${MAX_SOURCE} characters`, 'Keep what is long in a file of its own.');
  const { body } = parse(source);
  const [only] = body;
  if (only !== undefined && body.length === 1 && isMustache(only)) return resultOf(only, facts);
  const text = body.map((part) => partOf(part, facts)).join('');
  if (text.length > MAX_RESULT) throw new Unrendered(`it gives a text of ${text.length} characters`, `At most ${MAX_RESULT} are taken.`);
  return text;
}

function parse(source: string): hbs.AST.Program {
  try {
    return Handlebars.parse(source);
  } catch (thrown) {
    const words = messageOf(thrown).split('\n').at(-1) ?? '';
    throw new Unrendered(`${quoted(source)} is no sound expression: ${words}`, 'Write {{node.name}}, or \\{{ where braces are meant.');
  }
}

function partOf(part: hbs.AST.Statement, facts: JsonObject): string {
  if (isContent(part)) return part.value;
  if (part.type === 'CommentStatement') return '';
  if (!isMustache(part))
    throw new Unrendered(
      'blocks, partials and decorators are not known here: only single expressions are',
      'Write two templates, or {{default …}} where a fact may be missing.',
    );
  const value = resultOf(part, facts);
  if (value === undefined || value === null)
    throw new Unrendered(`${nameOf(part)} is empty in the middle of a text`, 'Let {{optional …}} stand alone, or use {{default …}}.');
  if (typeof value === 'object')
    throw new Unrendered(
      `${nameOf(part)} is a ${kindOf(value)}, which can't stand within a text`,
      'Use {{join LIST ", "}}, or let it stand alone.',
    );
  return String(value);
}

function isMustache(part: hbs.AST.Statement): part is hbs.AST.MustacheStatement {
  return part.type === 'MustacheStatement';
}

function isContent(part: hbs.AST.Statement): part is hbs.AST.ContentStatement {
  return part.type === 'ContentStatement';
}

type Call = Pick<hbs.AST.SubExpression, 'params' | 'hash'> & { readonly path: hbs.AST.Expression };

/** A fact, a literal or a call of a helper. */
function resultOf(call: Call, facts: JsonObject): Value {
  const name = isPath(call.path) ? call.path.original : '';
  const helper = Object.hasOwn(HELPERS, name) ? HELPERS[name] : undefined;
  if (helper === undefined) {
    if (call.params.length > 0 || (call.hash?.pairs.length ?? 0) > 0)
      throw new Unrendered(`there is no helper ${quoted(name)}`, `Known: ${Object.keys(HELPERS).join(', ')}.`);
    return isPath(call.path) ? factAt(call.path, facts) : literal(call.path);
  }
  if ((call.hash?.pairs.length ?? 0) > 0) throw new Unrendered(`${name} takes no named values`, helper.usage);
  if (call.params.length < helper.least || call.params.length > helper.most)
    throw new Unrendered(`${name} is given ${call.params.length} values`, helper.usage);
  const values = call.params.map((param, index) => argument(param, facts, helper.mayMiss && index === 0));
  return helper.run(values, helper);
}

function argument(param: hbs.AST.Expression, facts: JsonObject, mayMiss: boolean): Value {
  if (isPath(param)) return mayMiss ? peek(param, facts) : factAt(param, facts);
  return isCall(param) ? resultOf(param, facts) : literal(param);
}

function isPath(expression: hbs.AST.Expression): expression is hbs.AST.PathExpression {
  return expression.type === 'PathExpression';
}

function isCall(expression: hbs.AST.Expression): expression is hbs.AST.SubExpression {
  return expression.type === 'SubExpression';
}

function literal(expression: hbs.AST.Expression): JsonValue {
  if (['StringLiteral', 'NumberLiteral', 'BooleanLiteral'].includes(expression.type))
    return (expression as hbs.AST.StringLiteral | hbs.AST.NumberLiteral | hbs.AST.BooleanLiteral).value; // the types just asked for
  throw new Unrendered('null and undefined are no values of an answer', 'Use {{optional …}} to leave a key out.');
}

function partsOf(path: hbs.AST.PathExpression): readonly string[] {
  // `this` alone has no parts; `..` has a depth, `@` is data of blocks.
  if (path.data || path.depth > 0 || path.parts.length === 0 || /^(?:this\b|\.)/.test(path.original))
    throw new Unrendered(`${quoted(path.original)} is no fact`, 'Write a path such as node.name.');
  // A part of a path is itself an expression in handlebars 5; ours must be names.
  return path.parts.map(String);
}

/** Undefined where there is none; facts are known by their own names only, so nothing of JavaScript's is one. */
function peek(path: hbs.AST.PathExpression, facts: JsonObject): Value {
  return walk(partsOf(path), facts).value ?? undefined;
}

function walk(parts: readonly string[], facts: JsonObject): { readonly value: Value; readonly reached: number; readonly among: Value } {
  let value: Value = facts;
  for (const [index, part] of parts.entries()) {
    const inner = stepInto(value, part);
    if (inner === undefined) return { value: undefined, reached: index, among: value };
    value = inner;
  }
  return { value, reached: parts.length, among: value };
}

function stepInto(value: Value, part: string): Value {
  if (isList(value)) return /^\d{1,4}$/.test(part) ? value[Number(part)] : undefined;
  return isObject(value) && Object.hasOwn(value, part) ? value[part] : undefined;
}

function factAt(path: hbs.AST.PathExpression, facts: JsonObject): JsonValue {
  const parts = partsOf(path);
  const { value, reached, among } = walk(parts, facts);
  if (value !== undefined && value !== null) return value;
  const there = isObject(among) ? Object.keys(among) : [];
  if (reached === parts.length || there.includes(parts[reached] ?? ''))
    throw new Unrendered(
      `${path.original} is not known of this machine`,
      `Write {{default ${path.original} "…"}}, or {{optional ${path.original}}} to leave the key out.`,
    );
  throw missing(path.original, parts.slice(0, reached).join('.'), parts[reached] ?? '', there);
}

function missing(written: string, parent: string, part: string, there: readonly string[]): Unrendered {
  const word = near(part, there);
  const place = parent === '' ? 'facts' : parent;
  const known = there.length === 0 ? `${place} has nothing below it` : `There is: ${there.slice(0, 40).join(', ')}`;
  const meant = word === undefined ? '' : `Did you mean ${parent === '' ? word : `${parent}.${word}`}? `;
  if (parent === 'variables')
    return new Unrendered(`there is no variable ${quoted(part)}`, `${meant}Write it into variables of the [[profile]]. ${known}.`);
  return new Unrendered(`there is no fact ${quoted(written)}`, `${meant}${known}.`);
}

interface Helper {
  readonly least: number;
  readonly most: number;
  readonly usage: string;
  /** Whether its first value may be a fact that is missing. */
  readonly mayMiss: boolean;
  readonly run: (values: readonly Value[], self: Helper) => Value;
}

const HELPERS: Readonly<Record<string, Helper>> = {
  lower: helper([1, 1], '{{lower node.serial}}', ([value], self) => textIn(value, self).toLowerCase()),
  upper: helper([1, 1], '{{upper node.serial}}', ([value], self) => textIn(value, self).toUpperCase()),
  replace: helper([3, 3], '{{replace management.mac ":" ""}}', ([value, from, to], self) => {
    const [text, wanted, instead] = [textIn(value, self), textIn(from, self), textIn(to, self)];
    if (wanted === '') return text;
    return joined(text.split(wanted), instead);
  }),
  slice: helper([2, 3], '{{slice node.serial -4}} or {{slice node.serial 0 4}}', ([value, from, to], self) => {
    const [begin, end] = [wholeIn(from, self), to === undefined ? undefined : wholeIn(to, self)];
    return isList(value) ? value.slice(begin, end) : textIn(value, self).slice(begin, end);
  }),
  join: helper([1, 2], '{{join node.macs ", "}}', ([value, between = ','], self) => {
    if (!isList(value)) throw new Unrendered(`join wants a list, got a ${kindOf(value)}`, `As in ${self.usage}.`);
    return joined(
      value.map((item) => textIn(item, self)),
      textIn(between, self),
    );
  }),
  default: { ...helper([2, 2], '{{default variables.maxvz 0}}', ([value, other]) => value ?? other), mayMiss: true },
  optional: { ...helper([1, 1], '{{optional variables.maxvz}}', ([value]) => value ?? undefined), mayMiss: true },
};

/** Measured before it is made: helpers within helpers grow a text tenfold each, and whoever writes them may be no more than a member. */
function joined(parts: readonly string[], between: string): string {
  const length = parts.reduce((sum, part) => sum + part.length, 0) + between.length * Math.max(0, parts.length - 1);
  if (length > MAX_RESULT) throw new Unrendered(`it gives a text of ${length} characters`, `At most ${MAX_RESULT} are taken.`);
  return parts.join(between);
}

function helper([least, most]: readonly [number, number], usage: string, run: Helper['run']): Helper {
  return { least, most, usage, run, mayMiss: false };
}

function textIn(value: Value, { usage }: Helper): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  throw new Unrendered(
    `a text is wanted, got ${value === undefined || value === null ? 'nothing' : `a ${kindOf(value)}`}`,
    `As in ${usage}.`,
  );
}

function wholeIn(value: Value, { usage }: Helper): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Unrendered('a whole number is wanted', `As in ${usage}.`);
}

function nameOf({ path }: Call): string {
  return isPath(path) ? path.original : 'an expression';
}

function isList(value: Value): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: Value): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: Value): string {
  if (isList(value)) return 'list';
  return isObject(value) ? 'table' : typeof value;
}

const SHOWN = 60;

function quoted(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
