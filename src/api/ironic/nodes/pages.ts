// Nodes as bytes, a page of them or one: which nodes are in it is asked each time, the texts of those that have not changed are kept.

import { mapInSlices } from '../../../lib/index.ts';
import { type Node, type NodeQuery, type NodeVersion, SOME_NODES } from '../../../nodes/index.ts';
import type { ApiServices } from '../../services.ts';
import type { View } from '../fields.ts';
import { nextLink } from '../query.ts';
import { type Shown, shown } from '../view.ts';
import { viewOfNodes } from './about.ts';
import { type Beside, KeptTexts } from './kept-texts.ts';

export interface NodePage {
  readonly query: NodeQuery;
  /** Only those that this appliance is in charge of. */
  readonly conductor: string | undefined;
  readonly fields: Shown<Node>;
  readonly view: View;
  readonly path: string;
  /** As it was asked, for the link to the next page. */
  readonly asked: Readonly<Record<string, unknown>>;
  readonly limit: number;
}

export type NodePagesServices = Pick<ApiServices, 'nodes' | 'lifecycle' | 'hardware' | 'conductorOf'>;

export interface OneNode {
  readonly version: NodeVersion;
  readonly fields: Shown<Node>;
  readonly view: View;
}

/** About 3,000 nodes with all their fields. */
const KEPT_BYTES = 8 * 1024 * 1024;
/** Some milliseconds' work. */
const SLICE = 100;
const COMMA = Buffer.from(',');

export class NodePages {
  readonly #services: NodePagesServices;
  readonly #kept: KeptTexts;

  constructor(services: NodePagesServices, keptBytes = KEPT_BYTES) {
    this.#services = services;
    this.#kept = new KeptTexts(keptBytes);
  }

  forget(uuid: string): void {
    this.#kept.forget(uuid);
  }

  async bytes(page: NodePage): Promise<Buffer> {
    const { nodes, conductorOf } = this.#services;
    const found = await nodes.listVersions(page.query);
    const versions = page.conductor === undefined ? found : found.filter((node) => conductorOf?.(node) === page.conductor);
    const texts = (await this.#someAnew(page, versions)) ?? (await this.#allAnew(page));
    const next = nextLink({ baseUrl: page.view.baseUrl, path: page.path, query: page.asked, limit: page.limit, page: texts });
    const end = next.next === undefined ? ']}' : `],"next":${JSON.stringify(next.next)}}`;
    const rows = texts.flatMap(({ text }, index) => (index === 0 ? [text] : [COMMA, text]));
    return Buffer.concat([Buffer.from('{"nodes":['), ...rows, Buffer.from(end)]);
  }

  /** As it is in a list, too. Throws nodes.not_found when it is gone meanwhile. */
  async one({ version, fields, view: asked }: OneNode): Promise<Buffer> {
    const { aboutNodes } = await viewOfNodes(this.#services, asked, [version], fields);
    const view = aboutNodes === undefined ? asked : { ...asked, aboutNodes };
    const form = formOf({ view, fields });
    const text = this.#kept.find(form, version, besideOf(view, version));
    if (text !== undefined) return text;
    const node = await this.#services.nodes.get(version.uuid);
    return this.#write(node, form, fields, view, besideOf(view, node)).text;
  }

  /** Undefined when too many are not known, or one of them has changed since the page was asked for: it may not belong on it any more. */
  async #someAnew(page: NodePage, versions: readonly NodeVersion[]): Promise<NodeText[] | undefined> {
    const about = (await viewOfNodes(this.#services, page.view, versions, page.fields)).aboutNodes;
    const view = about === undefined ? page.view : { ...page.view, aboutNodes: about };
    const form = formOf(page);
    const texts = versions.map((version) => {
      const beside = besideOf(view, version);
      return { version, beside, text: this.#kept.find(form, version, beside) };
    });
    const missing = texts.filter(({ text }) => text === undefined).map(({ version }) => version.uuid);
    if (missing.length > SOME_NODES) return undefined;
    const read = new Map((await this.#services.nodes.listSome(missing)).map((node) => [node.uuid, node]));
    const whole: NodeText[] = [];
    for (const { version, beside, text } of texts) {
      const node = read.get(version.uuid);
      const isSame = node?.version === version.version && node.createdAt === version.createdAt;
      if (text !== undefined) whole.push({ uuid: version.uuid, text });
      else if (node !== undefined && isSame) whole.push(this.#write(node, form, page.fields, view, beside));
      else return undefined;
    }
    return whole;
  }

  async #allAnew(page: NodePage): Promise<NodeText[]> {
    const { nodes, conductorOf } = this.#services;
    const found = await nodes.list(page.query);
    const rows = page.conductor === undefined ? found : found.filter((node) => conductorOf?.(node) === page.conductor);
    const view = await viewOfNodes(this.#services, page.view, rows, page.fields);
    const form = formOf(page);
    return mapInSlices(rows, SLICE, (node) => this.#write(node, form, page.fields, view, besideOf(view, node)));
  }

  #write(node: Node, form: string, fields: Shown<Node>, view: View, beside: Beside): NodeText {
    const text = Buffer.from(JSON.stringify(shown(node, fields, view)));
    this.#kept.keep(form, node, beside, text);
    return { uuid: node.uuid, text };
  }
}

interface NodeText {
  readonly uuid: string;
  readonly text: Buffer;
}

function besideOf({ aboutNodes: about }: View, node: Pick<Node, 'uuid' | 'conductorGroup'>): Beside {
  return { holder: about?.holders.get(node.uuid) ?? null, conductor: about?.conductorOf(node) ?? null };
}

function formOf({ view, fields }: Pick<NodePage, 'view' | 'fields'>): string {
  return `${view.minor} ${view.baseUrl} ${namesOf(fields)}`;
}

const names = new WeakMap<Shown<Node>, string>();

function namesOf(fields: Shown<Node>): string {
  const known = names.get(fields) ?? fields.map((field) => field.name).join(',');
  names.set(fields, known);
  return known;
}
