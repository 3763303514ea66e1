// The bytes of a file in pages: read ahead of the window, and shared between transfers of the same content, since a rack that powers on
// asks for one loader many times in the same second. Knows nothing of blocks and datagrams.

export interface PageSource {
  readonly size: number;
  /** Names the content, not the place: files with the same key have the same bytes for ever. Without one nothing is shared. */
  readonly key?: string;
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** A trip to the thread pool costs about 30 µs of CPU whatever it reads (measured): 64 KiB is every 45th block, 128 KiB every 90th. */
export const PAGE_BYTES = 131_072;

/** Pages that several transfers can use. Over the cap the least recently used go. */
export class PageCache {
  readonly #maxBytes: number;
  readonly #pages = new Map<string, Uint8Array>();
  readonly #reading = new Map<string, Promise<Uint8Array>>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(id: string): Uint8Array | undefined {
    const page = this.#pages.get(id);
    if (page === undefined) return undefined;
    this.#pages.delete(id);
    this.#pages.set(id, page);
    return page;
  }

  /** One reading for all that want the page at once. Whose reading failed says nothing about the others': each then reads for itself. */
  read(id: string, load: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const underWay = this.#reading.get(id);
    if (underWay !== undefined) return underWay.catch(load);
    const reading = load()
      .then((page) => this.#keep(id, page))
      .finally(() => this.#reading.delete(id));
    this.#reading.set(id, reading);
    return reading;
  }

  clear(): void {
    this.#pages.clear();
    this.#bytes = 0;
  }

  #keep(id: string, page: Uint8Array): Uint8Array {
    this.#pages.set(id, page);
    this.#bytes += page.length;
    for (const [oldest, dropped] of this.#pages) {
      if (this.#bytes <= this.#maxBytes) break;
      this.#pages.delete(oldest);
      this.#bytes -= dropped.length;
    }
    return page;
  }
}

/** One transfer's view: holds the pages of the window and the one that comes next, and no more. */
export class Pages {
  readonly #source: PageSource;
  readonly #cache: PageCache | null;
  readonly #held = new Map<number, Uint8Array>();
  readonly #coming = new Map<number, Promise<void>>();
  #first = 0;

  constructor(source: PageSource, cache: PageCache | null) {
    this.#source = source;
    this.#cache = cache;
  }

  /** True when the bytes of [start, end) can be copied at once. */
  has(start: number, end: number): boolean {
    for (let page = pageOf(start); page < pagesUpTo(end); page += 1) if (!this.#hold(page)) return false;
    return true;
  }

  /** Reads what is missing of [start, end). Rejects as the source does. */
  async load(start: number, end: number): Promise<void> {
    for (let page = pageOf(start); page < pagesUpTo(end); page += 1) {
      await this.#coming.get(page);
      if (!this.#hold(page)) await this.#fetch(page);
    }
  }

  /** [start, end) must be here: has() said so, or load() is done. */
  copy(start: number, end: number, target: Uint8Array, at: number): void {
    let from = start;
    while (from < end) {
      const page = pageOf(from);
      const bytes = this.#held.get(page);
      if (bytes === undefined) throw new RangeError(`page ${page} is not loaded`);
      const inPage = from - page * PAGE_BYTES;
      const length = Math.min(end - from, bytes.length - inPage);
      target.set(bytes.subarray(inPage, inPage + length), at + (from - start));
      from += length;
    }
  }

  /** What lies before `start` is not wanted again, and the page behind `end` soon will be. */
  move(start: number, end: number): void {
    const first = pageOf(start);
    for (; this.#first < first; this.#first += 1) this.#held.delete(this.#first);
    const next = pagesUpTo(end);
    if (next * PAGE_BYTES >= this.#source.size || this.#coming.has(next) || this.#hold(next)) return;
    // A failure here shows again when the page is really wanted, and is answered there.
    this.#fetch(next).catch(() => undefined);
  }

  get isReading(): boolean {
    return this.#coming.size > 0;
  }

  /** Resolves when no reading is under way: only then may the source be closed. */
  async settled(): Promise<void> {
    await Promise.all(this.#coming.values());
  }

  #hold(page: number): boolean {
    if (this.#held.has(page)) return true;
    const cached = this.#source.key === undefined ? undefined : this.#cache?.get(this.#id(page));
    if (cached === undefined) return false;
    this.#held.set(page, cached);
    return true;
  }

  #fetch(page: number): Promise<void> {
    const reading = this.#read(page);
    const over = (): void => void this.#coming.delete(page);
    this.#coming.set(page, reading.then(over, over));
    return reading;
  }

  async #read(page: number): Promise<void> {
    const offset = page * PAGE_BYTES;
    const length = Math.min(PAGE_BYTES, this.#source.size - offset);
    const load = async (): Promise<Uint8Array> => {
      const bytes = await this.#source.read(offset, length);
      if (bytes.length !== length) throw new Error(`${length} bytes wanted at ${offset}, ${bytes.length} read`);
      return bytes;
    };
    const isShared = this.#cache !== null && this.#source.key !== undefined;
    this.#held.set(page, isShared ? await this.#cache.read(this.#id(page), load) : await load());
  }

  #id(page: number): string {
    return `${this.#source.key}:${page}`;
  }
}

function pageOf(offset: number): number {
  return Math.floor(offset / PAGE_BYTES);
}

function pagesUpTo(end: number): number {
  return Math.ceil(end / PAGE_BYTES);
}
