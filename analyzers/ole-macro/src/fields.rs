//! Fields that run commands (DDE).
