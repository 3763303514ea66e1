// The form of the facts about calls of the API. Types only.

export interface PveParam {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array';
  readonly optional?: boolean;
  /** A name, or the properties of a value such as `address=…,priority=…`. */
  readonly format?: string | Readonly<Record<string, PveParam>>;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | number)[];
  /** As Perl has it, for the whole of the value. */
  readonly pattern?: string;
  readonly items?: PveParam;
  /** Another parameter that must be there too. */
  readonly requires?: string;
  /** In a format: the property that may stand without its name. */
  readonly default_key?: boolean;
  readonly alias?: string;
}

/** ['perm', path, privileges, …], ['or', …], ['and', …] and the like. */
export type PveCheck = readonly unknown[];

export interface PveCall {
  /** root: the schema names nobody, so root@pam by password or on the machine itself, and no token (PVE::RPCEnvironment). */
  readonly needs: 'world' | 'all' | 'root' | PveCheck;
  readonly parameters: Readonly<Record<string, PveParam>>;
}

/** By method and path: 'GET /nodes/{node}/disks/list'. */
export type PveTable = Readonly<Record<string, PveCall>>;
