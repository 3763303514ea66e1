// The form of the facts about API methods: only what is enforced of them.

export interface ApiParameter {
  readonly type?: string;
  readonly optional?: boolean;
  /** A name, or the properties of a value such as `address=…,priority=…` of which the first may stand without its name. */
  readonly format?: string | Readonly<Record<string, ApiParameter>>;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly enum?: readonly (string | number)[];
  readonly pattern?: string;
  readonly items?: ApiParameter;
  readonly requires?: string;
  readonly default_key?: boolean;
  readonly alias?: string;
}

/** ['perm', path, privileges, …], ['or', …], ['and', …] and the like. */
export type PermissionCheck = readonly unknown[];

export interface ApiMethod {
  readonly path: string;
  readonly method: string;
  /** root: the schema names nobody, so root@pam by password only. */
  readonly permissions: 'world' | 'all' | 'root' | PermissionCheck;
  readonly isProtected?: boolean;
  /** The node in its path answers; whoever is asked passes the question on. */
  readonly isOfNode?: boolean;
  readonly parameters: Readonly<Record<string, ApiParameter>>;
}
