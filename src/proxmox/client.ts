// A client for the questions that an import asks of Proxmox VE: answers checked, only reads. Knows no nodes of ours.

import type { Static, TSchema } from 'typebox';
import { isNodeName } from './address-decide.ts';
import { ClusterStatus, NetworkList, NodeList, NodeStatus, Report, Version } from './answers.ts';
import { type ApiOptions, badAnswer, checked, createApiLink, dataIn, isUnreachable, repeated } from './api-link.ts';
import { refusalOf } from './refusals.ts';

export type ProxmoxOptions = ApiOptions;

/** Reads; every call throws proxmox.*. */
export interface Proxmox {
  version(): Promise<Static<typeof Version>>;
  clusterStatus(): Promise<Static<typeof ClusterStatus>>;
  nodes(): Promise<Static<typeof NodeList>>;
  network(node: string): Promise<Static<typeof NetworkList>>;
  status(node: string): Promise<Static<typeof NodeStatus>>;
  /** The system report: some hundred kilobytes of text about the node, gathered by it within seconds. Holds configurations: keep none of it. */
  report(node: string): Promise<string>;
}

/** The node runs some twenty programs for it. */
const REPORT_TIMEOUT_MS = 25_000;
const REPORT_MAX_BYTES = 16 * 1024 * 1024;
/** After these a read is asked once more. */
const REPEAT_AFTER_MS = [250, 1000] as const;

interface Question<S extends TSchema> {
  readonly path: string;
  readonly schema: S;
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

export function createProxmox(options: ProxmoxOptions): Proxmox {
  const link = createApiLink(options);

  function get<S extends TSchema>({ schema, ...question }: Question<S>): Promise<Static<S>> {
    return repeated(REPEAT_AFTER_MS, options, isUnreachable, async () => {
      const answer = await link.send({ method: 'GET', ...question });
      if (answer.status !== 200) throw refusalOf({ method: 'GET', path: question.path }, answer, link.host);
      return checked(schema, dataIn(answer.body), { host: link.host, name: `GET ${question.path}` });
    });
  }

  const ofNode = (node: string, rest: string): string => {
    if (isNodeName(node)) return `/nodes/${node}/${rest}`;
    throw badAnswer(link.host, 'GET /nodes', `a node called ${JSON.stringify(node.slice(0, 80))}`);
  };

  return {
    version: () => get({ path: '/version', schema: Version }),
    clusterStatus: () => get({ path: '/cluster/status', schema: ClusterStatus }),
    nodes: () => get({ path: '/nodes', schema: NodeList }),
    network: async (node) => get({ path: ofNode(node, 'network'), schema: NetworkList }),
    status: async (node) => get({ path: ofNode(node, 'status'), schema: NodeStatus }),
    report: async (node) => get({ path: ofNode(node, 'report'), schema: Report, timeoutMs: REPORT_TIMEOUT_MS, maxBytes: REPORT_MAX_BYTES }),
  };
}
