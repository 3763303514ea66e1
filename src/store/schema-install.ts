// The tables of installations, of the addresses that they give and of what tells machines apart, as Kysely sees them. The rules of schema.ts hold.

interface Times {
  created_at: number;
  updated_at: number;
}

/** One deployment by an installer. */
export interface InstallationTable extends Times {
  uuid: string;
  node_uuid: string;
  deployment: string;
  /** prepared, armed, script, kernel, initrd, iso, answered, installed, first-boot, reached, failed. */
  stage: string;
  stage_at: number;
  /** JSON object. */
  plan: string;
  boot_id: string;
  /** Sealed JSON object. */
  secrets: string;
  answer_hash: string;
  hook_hash: string;
  first_boot_hash: string;
  boots: number;
  answer_sent: string | null;
  answer_to: string | null;
  answered_at: number | null;
  answer_asks: number;
  installed_at: number | null;
  /** JSON object. */
  hook: string | null;
  first_boot_at: number | null;
  /** JSON object. */
  first_boot: string | null;
  iso_bytes: number;
  iso_total: number;
  failure: string | null;
  ended_at: number | null;
}

/** An address that a node has for good. */
export interface NodeAddressTable extends Times {
  address: string;
  node_uuid: string;
  cluster: string;
  purpose: string;
  prefix: number;
  conflict: string | null;
  probed_at: number | null;
}

/** A network card, under the firmware identity of the machine that it was seen in. */
export interface MacSightingTable {
  mac: string;
  smbios_uuid: string;
  first_seen_at: number;
  last_seen_at: number;
}

/** A built-in disk of a node, as it last reported it. */
export interface NodeDiskTable {
  node_uuid: string;
  /** wwn: or serial:, and what it says. */
  disk: string;
  title: string;
  seen_at: number;
}

/** One run of a pipeline on a node. */
export interface PipelineRunTable extends Times {
  uuid: string;
  node_uuid: string;
  pipeline: string;
  /** running, failed, aborted, done. */
  state: string;
  /** JSON list. */
  cursor: string;
  /** JSON object. */
  notes: string;
  task: string;
  epoch: number;
  abort_asked: number;
  ended_at: number | null;
}

export interface InstallTables {
  installations: InstallationTable;
  node_addresses: NodeAddressTable;
  mac_sightings: MacSightingTable;
  node_disks: NodeDiskTable;
  pipeline_runs: PipelineRunTable;
}
