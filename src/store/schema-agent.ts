// The tables of what agents are told, of enrolment, of tests of machines, and of clusters, as Kysely sees them. The rules of schema.ts hold.

import type { Flag } from './schema.ts';

interface Times {
  created_at: number;
  updated_at: number;
}

/** What the agent of a node is to do, does, or did. */
export interface AgentOrderTable extends Times {
  id: string;
  node_uuid: string;
  /** Of whoever placed it, unique for the node: placing it again under the same key places nothing. */
  key: string;
  name: string;
  title: string;
  /** Sealed text: passwords and keys are among them. */
  args: string;
  /** waiting, given, done, failed, cancelled. */
  state: string;
  /** Hash of the boot secret whose agent it was given to. */
  session: string | null;
  attempts: number;
  /** In thousandths. */
  progress: number;
  progress_text: string;
  message: string;
  /** JSON object. */
  result: string;
  given_at: number | null;
  heard_at: number | null;
  finished_at: number | null;
}

/** A machine that nobody had named: what is proposed for it, and who said yes. */
export interface EnrolmentTable extends Times {
  node_uuid: string;
  /** proposed, approved, done, failed, rejected. */
  state: string;
  profile: string | null;
  name: string | null;
  rule: string | null;
  reason: string;
  plan_uuid: string | null;
  approved_by: string | null;
  approved_at: number | null;
  task_id: string | null;
}

/** What a test of a machine measured. */
export interface NodeCheckTable extends Times {
  id: string;
  node_uuid: string;
  /** benchmark, burn-in, rehearse, health. */
  kind: string;
  /** good, warning, bad. */
  verdict: string;
  message: string;
  /** JSON object of numbers. */
  figures: string;
  started_at: number;
  finished_at: number;
}

export interface ClusterTable extends Times {
  name: string;
  /** proxmox-api, csv. */
  origin: string;
  api_url: string | null;
  fingerprint: string | null;
  version: string | null;
  observe_only: Flag;
  imported_by: string;
}

export interface ClusterMemberTable extends Times {
  node_uuid: string;
  cluster: string;
  /** What the cluster calls the node. */
  member: string;
  /** JSON array. */
  addresses: string;
  /** Whether somebody had set observe_only before; null: nobody knows. */
  was_observed: Flag | null;
}

export interface AgentTables {
  agent_orders: AgentOrderTable;
  enrolments: EnrolmentTable;
  node_checks: NodeCheckTable;
  clusters: ClusterTable;
  cluster_members: ClusterMemberTable;
}
