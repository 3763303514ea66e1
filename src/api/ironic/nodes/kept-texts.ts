// Texts of nodes that were in a reply, kept for the next one: a page of 1,000 nodes costs 30 to 50 ms of CPU when it is written anew,
// and 6 with what is found here (measured, Nov 2026). Bounded in bytes; at the cap the oldest go. Pure: whoever asks says what a text
// must still be true of.

import type { Node, NodeVersion } from '../../../nodes/index.ts';

/** What a text tells beyond the node's own row. */
export interface Beside {
  readonly holder: string | null;
  readonly conductor: string | null;
}

interface Kept extends Beside {
  readonly version: number;
  readonly createdAt: number;
  readonly text: Buffer;
}

/** What an entry costs beyond its bytes, roughly. */
const ENTRY_BYTES = 300;
/** Clients of different versions and their lists; a hostile one asks for others each time. */
const MOST_FORMS = 16;

export class KeptTexts {
  readonly #cap: number;
  /** By form (which fields, at which version, with which links), then by node. The form that was used last comes last. */
  readonly #forms = new Map<string, Map<string, Kept>>();
  #last: string | undefined;
  #bytes = 0;

  constructor(cap: number) {
    this.#cap = cap;
  }

  /** At most the cap, unless a single text is larger. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Undefined: never kept, dropped, or not true any more. */
  find(form: string, { uuid, version, createdAt }: NodeVersion, { holder, conductor }: Beside): Buffer | undefined {
    const kept = this.#used(form).get(uuid);
    if (kept === undefined || kept.version !== version || kept.createdAt !== createdAt) return undefined;
    return kept.holder === holder && kept.conductor === conductor ? kept.text : undefined;
  }

  keep(form: string, { uuid, version, createdAt }: Pick<Node, 'uuid' | 'version' | 'createdAt'>, beside: Beside, text: Buffer): void {
    const texts = this.#used(form);
    this.#drop(texts, uuid);
    texts.set(uuid, { version, createdAt, ...beside, text });
    this.#bytes += ENTRY_BYTES + text.length;
    while (this.#bytes > this.#cap && this.#dropOldest());
  }

  /** A node that is new may have the UUID of one that is gone. */
  forget(uuid: string): void {
    for (const texts of this.#forms.values()) this.#drop(texts, uuid);
  }

  /** The texts of the form, which now is the last to go. */
  #used(form: string): Map<string, Kept> {
    const texts = this.#forms.get(form) ?? new Map<string, Kept>();
    if (this.#last === form) return texts;
    if (this.#forms.size >= MOST_FORMS) this.#dropForm();
    this.#forms.delete(form);
    this.#forms.set(form, texts);
    this.#last = form;
    return texts;
  }

  #dropForm(): void {
    const [first] = this.#forms;
    if (first === undefined) return;
    const [form, texts] = first;
    for (const uuid of texts.keys()) this.#drop(texts, uuid);
    this.#forms.delete(form);
  }

  #drop(texts: Map<string, Kept>, uuid: string): void {
    const kept = texts.get(uuid);
    if (kept === undefined) return;
    texts.delete(uuid);
    this.#bytes -= ENTRY_BYTES + kept.text.length;
  }

  /** False when there is but one left. */
  #dropOldest(): boolean {
    const [first] = this.#forms.values();
    const [oldest] = first?.keys() ?? [];
    if (this.#forms.size === 1 && first?.size === 1) return false;
    if (first === undefined || oldest === undefined) this.#dropForm();
    else this.#drop(first, oldest);
    return this.#forms.size > 0;
  }
}
