// A part with a life: the composition root starts them in order and stops them in reverse.

export interface Component {
  readonly name: string;
  /** Resolves when the part is ready to work. `signal` ends a start that takes too long. */
  start(signal: AbortSignal): Promise<void>;
  /** Drains what is under way and frees what it holds. Never throws for being stopped twice. */
  stop(): Promise<void>;
}
