// The conductors' door: which appliances share this store, and which of them are alive.

export { type Conductor, type Conductors, type ConductorsOptions, createConductors } from './conductors.ts';
