// The door of clusters that ran before us: import, and the records of it. Knows nothing of HTTP servers.

export type { ClusterRecord, MemberRecord } from './book.ts';
export {
  type Clusters,
  type ClustersOptions,
  createClusters,
  type Gathered,
  type Imported,
  type KnownCluster,
  type Preview,
} from './clusters.ts';
export { CSV_COLUMNS, type CsvMembers, type CsvProblem, membersOfCsv } from './csv-codec.ts';
export { CLUSTER_ERRORS } from './errors.ts';
export { type Candidates, hashOf, type Link, planMember, withoutDoubles } from './match-decide.ts';
export { ACTIONS, type Action, type MemberPlan, ORIGINS, type Origin, type SeenCluster, type SeenMember } from './model.ts';
