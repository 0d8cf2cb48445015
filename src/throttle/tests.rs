mod bounds;
mod exactness;
mod guard;
mod limiter;
mod model;
mod rules;
mod settings;
mod together;
