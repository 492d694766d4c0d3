"""The use cases: functions of a session and scoped objects. They flush, and never commit; they know no HTTP."""
