//! The walled process that examines hostile bytes, and its other end.
