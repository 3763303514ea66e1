// The one error class, and the way a domain declares its codes. Knows nothing of HTTP servers, terminals or stores:
// the same object becomes problem+json, CLI text, an event or a UI toast.

export interface ErrorSpec {
  /** HTTP status when the error leaves through the API. */
  readonly status: number;
  /** One sentence for docs/reference/errors.md: when does this happen? */
  readonly about: string;
  /** True when trying the same thing again can succeed without anybody changing anything. */
  readonly retryable?: boolean;
}

export type ErrorCatalogue = Readonly<Record<string, ErrorSpec>>;

export interface ErrorDetails {
  /** What went wrong and where (file:line:key, MAC, step, disk serial). */
  readonly message: string;
  /** The next thing to do. */
  readonly hint?: string;
  /** Machine-readable particulars. Never secrets. */
  readonly detail?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** An operational error: something outside the code is wrong, and somebody can act on it. */
export class RackseedError extends Error {
  override readonly name = 'RackseedError';
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly hint: string | undefined;
  readonly detail: Readonly<Record<string, unknown>> | undefined;

  constructor(code: string, spec: ErrorSpec, details: ErrorDetails) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = spec.status;
    this.retryable = spec.retryable ?? false;
    this.hint = details.hint;
    this.detail = details.detail;
  }
}

/**
 * Declares a domain's error codes. Returns a maker: `const fail = defineErrors(CONFIG_ERRORS)`,
 * then `throw fail('config.unknown_key', { message, hint })`.
 */
export function defineErrors<const C extends ErrorCatalogue>(
  catalogue: C,
): (code: keyof C & string, details: ErrorDetails) => RackseedError {
  return (code, details) => {
    const spec = catalogue[code];
    if (spec === undefined) throw new TypeError(`error code ${code} is not declared`);
    return new RackseedError(code, spec, details);
  };
}

/** What any thrown value says, for logs and for `cause` chains. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** The `code` of a Node system error (ENOENT, EADDRINUSE …), if it has one. */
export function systemCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  return typeof thrown.code === 'string' ? thrown.code : undefined;
}

/** A bug in our own code: fails the task or request it happens in, is counted, and never ends the process. */
export function assert(condition: unknown, what: string): asserts condition {
  if (!condition) throw new BugError(what);
}

export class BugError extends Error {
  override readonly name = 'BugError';
}

/** For the default branch of a switch over a union: a type error when a case is missing. */
export function unreachable(value: never, what: string): never {
  throw new BugError(`${what}: unexpected ${JSON.stringify(value)}`);
}
