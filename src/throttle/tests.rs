mod bounds;
mod exactness;
mod guard;
mod limiter;
mod settings;
