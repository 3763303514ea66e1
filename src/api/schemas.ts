// The schemas of /api: the one source of validation, serialisation, types and OpenAPI.

import { type Static, type TSchema, Type } from 'typebox';

/** Refuses fields that are not named. */
export const closed = { additionalProperties: false } as const;

/** `type: [x, "null"]` rather than anyOf: fast to serialise, and what OpenAPI 3.1 wants. */
export function nullable<T extends TSchema & { readonly type: string }>(schema: T) {
  return Type.Unsafe<Static<T> | null>({ ...schema, type: [schema.type, 'null'] });
}

/** A schema that OpenAPI lists by name; routes refer to it. */
export function named<T extends TSchema>(
  name: string,
  schema: T,
): { readonly schema: T; readonly ref: ReturnType<typeof Type.Unsafe<Static<T>>> } {
  return { schema: { ...schema, $id: name }, ref: Type.Unsafe<Static<T>>({ $ref: `${name}#` }) };
}

const text = Type.String();
const maybeText = nullable(text);
const count = Type.Integer({ minimum: 0 });
const json = Type.Record(Type.String(), Type.Unknown());
export const instant = Type.String({ format: 'date-time', description: 'RFC 3339, UTC.' });
const maybeInstant = nullable(instant);

export const Problem = named(
  'Problem',
  Type.Object(
    {
      type: Type.String({ description: 'urn:rackseed:error: and the code.' }),
      title: text,
      status: Type.Integer(),
      detail: Type.String({ description: 'What went wrong and where.' }),
      instance: Type.String({ description: 'urn:rackseed:request: and the request id, which the log has too.' }),
      code: Type.String({ description: 'One of docs/reference/errors.md.' }),
      hint: Type.Optional(Type.String({ description: 'The next thing to do.' })),
      retryable: Type.Boolean({ description: 'The same request can succeed later without anybody changing anything.' }),
      data: Type.Optional(json),
    },
    { description: 'RFC 9457.' },
  ),
);

const nodeFields = {
  uuid: text,
  name: maybeText,
  description: maybeText,
  driver: text,
  resourceClass: maybeText,
  provisionState: text,
  targetProvisionState: maybeText,
  provisionUpdatedAt: maybeInstant,
  powerState: maybeText,
  targetPowerState: maybeText,
  maintenance: Type.Boolean(),
  maintenanceReason: maybeText,
  fault: maybeText,
  protected: Type.Boolean(),
  protectedReason: maybeText,
  ignored: Type.Boolean(),
  observeOnly: Type.Boolean(),
  lastError: maybeText,
  properties: json,
  smbiosUuid: maybeText,
  smbiosSerial: maybeText,
  macs: Type.Array(text),
  createdAt: instant,
  updatedAt: instant,
};

export const Node = named('Node', Type.Object(nodeFields));

const Port = Type.Object({
  uuid: text,
  address: text,
  name: maybeText,
  pxeEnabled: Type.Boolean(),
  localLinkConnection: json,
  createdAt: instant,
  updatedAt: instant,
});

export const NodeDetail = named(
  'NodeDetail',
  Type.Object({
    ...nodeFields,
    ports: Type.Array(Port),
    driverInfo: Type.Record(Type.String(), Type.Unknown(), { description: 'Secrets are shown as ******.' }),
    instanceInfo: json,
    extra: json,
    instanceUuid: maybeText,
    owner: maybeText,
    lessee: maybeText,
    inspectionStartedAt: maybeInstant,
    inspectionFinishedAt: maybeInstant,
    permittedVerbs: Type.Array(text, { description: 'What a person may ask for in this state.' }),
    version: count,
  }),
);

export const Reason = named('Reason', Type.Object({ subject: text, at: instant, area: text, decision: text, reason: text, data: json }));

export const HistoryEntry = named(
  'HistoryEntry',
  Type.Object({
    uuid: text,
    at: instant,
    event: text,
    from: text,
    to: text,
    who: text,
    actor: maybeText,
    severity: text,
    reason: maybeText,
  }),
);

export const Event = named(
  'Event',
  Type.Object({
    seq: count,
    at: instant,
    type: text,
    severity: text,
    nodeUuid: maybeText,
    taskId: maybeText,
    message: text,
    data: json,
  }),
);

const taskError = Type.Unsafe<{ code: string; message: string; hint: string | null } | null>({
  type: ['object', 'null'],
  properties: { code: { type: 'string' }, message: { type: 'string' }, hint: { type: ['string', 'null'] } },
  required: ['code', 'message', 'hint'],
});

const taskFields = {
  id: text,
  kind: text,
  subject: text,
  nodeUuid: maybeText,
  state: text,
  step: count,
  progress: Type.Number({ minimum: 0, maximum: 1 }),
  progressText: maybeText,
  isCancelRequested: Type.Boolean(),
  error: taskError,
  createdAt: instant,
  startedAt: maybeInstant,
  finishedAt: maybeInstant,
};

export const Task = named('Task', Type.Object(taskFields));

export const TaskDetail = named(
  'TaskDetail',
  Type.Object({
    ...taskFields,
    locks: Type.Array(text),
    waitingFor: maybeText,
    steps: Type.Array(
      Type.Object({
        position: count,
        name: text,
        title: text,
        state: text,
        attempt: count,
        error: taskError,
        startedAt: maybeInstant,
        finishedAt: maybeInstant,
      }),
    ),
    blockedBy: Type.Array(Type.Object({ key: text, holder: text, purpose: text }), { description: 'The locks that others hold.' }),
  }),
);

export const TaskLogLine = named('TaskLogLine', Type.Object({ id: count, at: instant, step: count, stream: text, line: text }));

export const Enrolment = named('Enrolment', Type.Object({ mode: Type.Enum(['open', 'closed']), until: maybeInstant }));

const component = Type.Object({ name: text, ready: Type.Boolean() });

export const Readiness = named('Readiness', Type.Object({ ready: Type.Boolean(), components: Type.Array(component) }));

export const Status = named(
  'Status',
  Type.Object({
    version: text,
    startedAt: instant,
    uptimeSeconds: count,
    mode: Type.String({ description: 'What DHCP does: off, proxy or full.' }),
    observeOnly: Type.Boolean(),
    enrolment: Enrolment.ref,
    components: Type.Array(Type.Object({ name: text, ready: Type.Boolean(), reason: maybeText })),
    warnings: Type.Array(Type.Object({ code: text, message: text, hint: maybeText })),
  }),
);

const counters = Type.Record(Type.String(), count, { description: 'Since the start of the appliance.' });

export const Network = named(
  'Network',
  Type.Object({
    dhcp: Type.Object({
      mode: Type.Enum(['off', 'proxy', 'full']),
      state: Type.String({ description: 'off, watching, answering or standing-aside.' }),
      reason: Type.String({ description: 'Why it is in that state, and what to do.' }),
      interfaces: Type.Array(
        Type.Object({
          name: text,
          address: maybeText,
          state: text,
          reason: text,
          hint: nullable(Type.String({ description: 'The next step when a person should do something.' })),
          otherServers: Type.Array(
            Type.Object({ address: text, mac: maybeText, role: text, evidence: text, firstSeenAt: instant, lastSeenAt: instant }),
            { description: 'DHCP servers heard there that are not this appliance.' },
          ),
        }),
      ),
      counters,
    }),
    dhcp6: Type.Object({ mode: Type.Enum(['off', 'stateless', 'full']), counters }),
    tftp: Type.Unsafe<{ listen: string; counters: Record<string, number> } | null>({
      type: ['object', 'null'],
      properties: { listen: text, counters },
      required: ['listen', 'counters'],
      description: 'Null when it is off.',
    }),
    http: Type.Object({
      listen: text,
      counters,
      downloads: Type.Array(
        Type.Object({
          peer: text,
          file: text,
          sentBytes: count,
          totalBytes: count,
          bytesPerSecond: count,
          state: text,
          startedAt: instant,
        }),
        {
          description: 'Boot files on their way, and those that ended a short while ago.',
        },
      ),
    }),
  }),
);

export const NAMED_SCHEMAS: readonly TSchema[] = [
  Problem,
  Node,
  NodeDetail,
  Reason,
  HistoryEntry,
  Event,
  Task,
  TaskDetail,
  TaskLogLine,
  Enrolment,
  Readiness,
  Status,
  Network,
].map(({ schema }) => schema);

/** Query fields of lists that go page by page. */
export const pageQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 100, description: 'Rows per page.' }),
  pageToken: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: 'nextPageToken of the page before.' })),
};
export const nextPageToken = nullable(Type.String({ description: 'Null on the last page.' }));

export const idPath = Type.Object({ id: Type.String({ minLength: 1, maxLength: 255 }) }, closed);
