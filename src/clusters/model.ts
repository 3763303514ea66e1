// The words of this room: members as they are seen, and what an import would do with each.

import type { Mac } from '../lib/index.ts';

export const ORIGINS = ['proxmox-api', 'csv'] as const;
export type Origin = (typeof ORIGINS)[number];

/** A member as its cluster, or a list, tells of it. */
export interface SeenMember {
  readonly name: string;
  readonly macs: readonly Mac[];
  /** Null: not told. The API of Proxmox VE never tells it. */
  readonly smbiosUuid: string | null;
  readonly addresses: readonly string[];
  readonly memoryMb: number | null;
  readonly cpus: number | null;
  readonly bootMode: 'uefi' | 'bios' | null;
  /** Why so little is known of it; null where nothing is missing. */
  readonly problem: string | null;
}

export interface SeenCluster {
  /** Null: it has none of its own. */
  readonly name: string | null;
  readonly origin: Origin;
  readonly apiUrl: string | null;
  readonly fingerprint: string | null;
  readonly version: string | null;
  readonly members: readonly SeenMember[];
}

export const ACTIONS = ['create', 'take', 'update', 'skip', 'conflict'] as const;
export type Action = (typeof ACTIONS)[number];

/** What an import does with one member. */
export interface MemberPlan {
  readonly member: SeenMember;
  /**
   * create: it becomes a new node. take: a node that we know becomes a member. update: it is a member already. skip: too little is
   * known of it. conflict: a person has to look first.
   */
  readonly action: Action;
  readonly nodeUuid: string | null;
  readonly reason: string;
}
