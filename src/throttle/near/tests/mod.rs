mod bounds;
mod denials;
mod leases;
mod settings;
mod shelf;
