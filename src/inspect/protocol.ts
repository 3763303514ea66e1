// What the agent and the server say to each other, outbound from the machine only: look-up, inventory, heartbeat.
// Schemas and types; the server checks requests by them, the agent replies. Knows no HTTP library and no store.

import { type Static, Type } from 'typebox';
import { INVENTORY_LIMITS, InventorySchema, MAC_PATTERN, PluginDataSchema, UUID_PATTERN } from './inventory.ts';

/** Appended to the appliance's URL. */
export const AGENT_PATHS = {
  lookup: '/api/agent/lookup',
  inventory: '/api/agent/inventory',
  heartbeat: '/api/agent/heartbeat',
} as const;

/** The agent's words on the kernel command line. */
export const KERNEL_WORDS = {
  url: 'rackseed.url',
  fingerprint: 'rackseed.fp',
  secret: 'rackseed.secret',
  mac: 'rackseed.mac',
  chain: 'rackseed.chain',
} as const;

export const PROTOCOL_LIMITS = {
  /** An inventory with 256 disks, 128 interfaces and 1024 PCI devices at their caps is about 900 kB; real ones are 5 to 60 kB. */
  bodyBytes: 1024 * 1024,
  replyBytes: 256 * 1024,
  answers: 16,
  notes: 50,
  heartbeatSecondsMax: 3600,
  /** A heartbeat is held so long at most until there is something to do. */
  holdSecondsMax: 25,
  /** Lines of a command's log in one heartbeat. */
  logLines: 200,
  /** What a command found, as JSON text. */
  resultBytes: 256 * 1024,
} as const;

const closed = { additionalProperties: false } as const;
const uuid = Type.String({ pattern: UUID_PATTERN, maxLength: 36 });
const line = Type.String({ maxLength: 1024 });
const version = Type.String({ minLength: 1, maxLength: 64 });
/** 32 to 128 of base64url, which holds hex too. */
const opaque = Type.String({ pattern: '^[A-Za-z0-9_-]{16,128}$', maxLength: 128 });

export const LookupRequestSchema = Type.Object(
  {
    /** The one-time secret of the boot script. */
    secret: opaque,
    /**
     * Chosen by the agent once per boot and kept by it. A look-up whose reply was lost on the way is repeated with the same claim and gets
     * its answer; the same secret with another claim is somebody else who read the boot script.
     */
    claim: opaque,
    /** Every physical port's address. */
    macs: Type.Array(Type.String({ pattern: MAC_PATTERN, maxLength: 17 }), { minItems: 1, maxItems: INVENTORY_LIMITS.interfaces }),
    /** Null where the firmware has none worth the name. */
    smbiosUuid: Type.Union([uuid, Type.Null()]),
    agentVersion: version,
  },
  closed,
);

export const LookupReplySchema = Type.Object({
  /** For `Authorization: Bearer …`, until the machine boots again. */
  token: opaque,
  heartbeatSeconds: Type.Integer({ minimum: 1, maximum: PROTOCOL_LIMITS.heartbeatSecondsMax }),
  node: Type.Union([Type.Object({ uuid, name: Type.Union([line, Type.Null()]) }), Type.Null()]),
});

export const InventoryRequestSchema = Type.Object({ inventory: InventorySchema, pluginData: PluginDataSchema }, closed);

export const InventoryReplySchema = Type.Object({
  node: Type.Object({ uuid, name: Type.Union([line, Type.Null()]), provisionState: line }),
  /** For the person at the screen. */
  message: line,
});

export const CommandSchema = Type.Object({
  /** Never the same twice: the agent refuses one that it has already carried out. */
  id: Type.String({ minLength: 1, maxLength: 64 }),
  name: Type.String({ minLength: 1, maxLength: 64 }),
  arguments: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  /** Another agent of this machine was given it before and did not end it: look at the machine before doing anything again. */
  isResumed: Type.Optional(Type.Boolean()),
});

export const AnswerSchema = Type.Object(
  {
    commandId: Type.String({ minLength: 1, maxLength: 64 }),
    outcome: Type.Union([Type.Literal('done'), Type.Literal('failed'), Type.Literal('refused')]),
    message: line,
    /** What it found or did, where it is done: an object with the keys that its command's result has. */
    result: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Type.Unknown(), { maxProperties: 64 })),
  },
  closed,
);

export const LogLineSchema = Type.Object(
  {
    stream: Type.Union([Type.Literal('out'), Type.Literal('err')]),
    line,
  },
  closed,
);

export const RunningSchema = Type.Object(
  {
    commandId: Type.String({ minLength: 1, maxLength: 64 }),
    /** Of the whole, from 0 to 1. */
    fraction: Type.Number({ minimum: 0, maximum: 1 }),
    text: line,
    /** Since the heartbeat before that got a reply. */
    log: Type.Array(LogLineSchema, { maxItems: PROTOCOL_LIMITS.logLines }),
  },
  closed,
);

export const NOTE_KINDS = ['rescue', 'agent'] as const;

/** Something that happened on the machine beside any command: an event of its node. */
export const NoteSchema = Type.Object({ kind: Type.Enum([...NOTE_KINDS]), line }, closed);

export const HeartbeatRequestSchema = Type.Object(
  {
    uptimeSeconds: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
    agentVersion: version,
    /** To commands of earlier replies. Repeated until a heartbeat with them got its reply. */
    answers: Type.Array(AnswerSchema, { maxItems: PROTOCOL_LIMITS.answers }),
    /**
     * What it is doing; null or absent: nothing. Beside an answer to the same command it has the last lines of its log: those come first.
     */
    running: Type.Optional(Type.Union([RunningSchema, Type.Null()])),
    /** It does nothing and would wait so long for something to do; absent: it wants its reply at once. */
    holdSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: PROTOCOL_LIMITS.holdSecondsMax })),
    /** Repeated until a heartbeat with them got its reply. */
    notes: Type.Optional(Type.Array(NoteSchema, { maxItems: PROTOCOL_LIMITS.notes })),
  },
  closed,
);

export const HeartbeatReplySchema = Type.Object({
  waitSeconds: Type.Integer({ minimum: 0, maximum: PROTOCOL_LIMITS.heartbeatSecondsMax }),
  command: Type.Union([CommandSchema, Type.Null()]),
});

export type LookupRequest = Static<typeof LookupRequestSchema>;
export type LookupReply = Static<typeof LookupReplySchema>;
export type InventoryRequest = Static<typeof InventoryRequestSchema>;
export type InventoryReply = Static<typeof InventoryReplySchema>;
export type Command = Static<typeof CommandSchema>;
export type Answer = Static<typeof AnswerSchema>;
export type LogLine = Static<typeof LogLineSchema>;
export type Note = Static<typeof NoteSchema>;
export type Running = Static<typeof RunningSchema>;
export type HeartbeatRequest = Static<typeof HeartbeatRequestSchema>;
export type HeartbeatReply = Static<typeof HeartbeatReplySchema>;
