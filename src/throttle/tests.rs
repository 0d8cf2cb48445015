mod bounds;
mod exactness;
mod guard;
mod settings;
