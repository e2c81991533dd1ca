"""What a fitted model is good for: functions of a model and rows, which the estimators call."""
