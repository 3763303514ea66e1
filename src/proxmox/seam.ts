// What the pipeline has of a Proxmox VE node: a shell of root, and its API. Types only.

/** How a command ended. Output is capped, its end kept. */
export interface Ran {
  readonly code: number | null;
  readonly signal: string | null;
  readonly out: string;
  readonly err: string;
  /** There was more of out or err before what is here. */
  readonly isCut?: boolean;
}

export interface RunOptions {
  readonly input?: string | Buffer;
  /** Two minutes unless told. */
  readonly timeoutMs?: number;
  /** Never in a log: replaced by ****** in errors, in the log and in what onLine is told. What a command says comes back as it is. */
  readonly secrets?: readonly string[];
  /** Each line as it comes. */
  readonly onLine?: (line: string, stream: 'out' | 'err') => void;
  /** Ends the command, on the machine too, and rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Commands are lists of words: nothing is ever put together into a line of shell by a caller. */
export interface RootShell {
  readonly address: string;
  /** Resolves with any exit code. Throws proxmox.shell_* when the connection could not be made, broke, or time ran out. */
  run(command: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Throws proxmox.command_failed with the command, its code and the end of what it said, unless it ends with 0. Gives its output. */
  must(command: readonly string[], options?: RunOptions): Promise<string>;
  /** A fixed script of ours, by `sh -eu`; `words` are its $1, $2, … */
  script(text: string, words: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Undefined: there is no such file. */
  readFile(path: string, maxBytes?: number): Promise<Buffer | undefined>;
  /** Whole or not at all: beside it, flushed, renamed. */
  writeFile(path: string, content: string | Buffer, mode?: number): Promise<void>;
}

export type PveMethod = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Calls by path with {placeholders} as the API schema has them: parameters are checked against it before anything is sent, answers after. */
export interface Pve {
  readonly address: string;
  /** Only GET is repeated. */
  call(method: PveMethod, path: string, params?: Readonly<Record<string, unknown>>): Promise<unknown>;
  /** A call that answers with a UPID: waits for the task, its log lines as they come. Throws proxmox.task_failed with the last lines. */
  task(
    method: Exclude<PveMethod, 'GET'>,
    path: string,
    params: Readonly<Record<string, unknown>>,
    more: { readonly timeoutMs: number; readonly onLine?: (line: string) => void },
  ): Promise<void>;
}
