//! Where sessions live: what is above a store, and two stores.
//!
//! A store keeps, for each session, a lease, revisions, and chunks of bytes by key. It understands neither
//! a state nor what a revision's head and chunks hold: `pack` makes those, the same for every store,
//! written by us or by a user. `sql` is SQLite and PostgreSQL.
//!
//! Nothing here runs on an isolate's thread. Databases are waited for on the runtime; packing works on its
//! blocking threads.

pub mod pack;
pub mod record;
pub mod sql;
